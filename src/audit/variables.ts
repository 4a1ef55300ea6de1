// Where variables get their values: `set`, `map`, captures and the rest, and what a text with variables
// can become once those with known values are put in.

import type { DirectiveNode } from '../config/node.ts';
import { isGuarded, trialsOfDirectives, trialsOfOpening, type Trial } from './conditions.ts';
import { groupsOfRegex, readRegex, regexOfWord } from './regex-facts.ts';
import type { Level, Placed } from './tree.ts';

/** The variables of a text, in lower case and without `$`: digits are captures. */
export function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(pattern)].map((found) => (found[1] ?? found[2] ?? '').toLowerCase());
}

const pattern = /\$(?:\{(\w+)\}|(\w+))/g;

/** A `map`, `geo` or `split_clients`. */
export interface MapDefinition {
  readonly node: DirectiveNode;
  /** The text that is looked up. */
  readonly source: string;
  readonly entries: readonly MapEntry[];
  readonly hasDefault: boolean;
}

export interface MapEntry {
  readonly key: string;
  readonly value: string;
  readonly node: DirectiveNode;
}

/** A group of a regular expression that gives a variable its value. */
export interface NamedCapture {
  readonly trial: Trial;
  readonly name: string;
}

// Directives whose first argument is a variable that they set, from somewhere that cannot be seen.
const setters = [
  'auth_request_set',
  'perl_set',
  'js_set',
  'js_var',
  'set_by_lua',
  'set_by_lua_file',
  'set_by_lua_block',
  'set_random',
  'set_unescape_uri',
  'set_escape_uri',
  'auth_jwt_claim_set',
  'auth_jwt_header_set',
  'keyval',
  'userid_mark',
];

const mapping = ['map', 'geo', 'split_clients'];

/** All definitions of a configuration. */
export class Definitions {
  readonly root: Level;
  readonly maps = new Map<string, MapDefinition>();
  readonly captures = new Map<string, NamedCapture[]>();
  /** Set by something that cannot be seen. */
  readonly opaque = new Set<string>();

  constructor(root: Level) {
    this.root = root;
    for (const name of mapping) for (const placed of root.find(name)) this.#addMap(placed);
    for (const name of setters) {
      for (const { node } of root.find(name)) {
        for (const variable of variablesIn(node.args.map(({ text }) => text).join(' '))) {
          this.opaque.add(variable);
        }
      }
    }
    for (const level of root.walk()) {
      for (const trial of [...trialsOfOpening(level), ...trialsOfDirectives(level)]) {
        this.#addCaptures(trial);
      }
    }
  }

  #addMap({ node }: Placed): void {
    if (node.block === null) return;
    const words = node.args.map(({ text }) => text);
    const variable = variablesIn(words.at(-1) ?? '')[0];
    if (variable === undefined) return;
    const usual = node.name === 'geo' ? '$remote_addr' : '';
    const source = words.length > 1 ? (words[0] ?? '') : usual;
    const ignored = /^(hostnames|volatile|ranges|proxy|proxy_recursive|delete)$/;
    const entries = node.block
      .filter(({ name, args }) => args.length > 0 && !ignored.test(name))
      .map((one) => ({ key: one.name, value: one.args[0]?.text ?? '', node: one }));
    const hasDefault = entries.some(({ key }) => key === 'default' || key === '*');
    this.maps.set(variable, { node, source, entries, hasDefault });
    for (const { key, node: entry } of entries) {
      const found = node.name === 'map' ? regexOfWord(key) : null;
      if (found !== null) this.#addCaptures({ subject: source, ...found, node: entry });
    }
  }

  #addCaptures(trial: Trial): void {
    if (!/\(\?P?[<']/.test(trial.text)) return;
    const regex = readRegex(trial);
    if (regex === null) return;
    for (const { name } of groupsOfRegex(regex)) {
      if (name === null) continue;
      const known = this.captures.get(name.toLowerCase());
      if (known === undefined) this.captures.set(name.toLowerCase(), [{ trial, name }]);
      else known.push({ trial, name });
    }
  }

  /** The values that `set` may have given a variable where requests reach a level; null: none has. */
  setsFor(level: Level, variable: string): readonly Placed[] | null {
    const found: Placed[] = [];
    for (const one of level.outwards()) {
      for (const child of one.children) {
        if (child.kind === 'if') found.push(...setsOf(child, variable));
      }
      const last = setsOf(one, variable).at(-1);
      if (last === undefined) continue;
      found.push(last);
      // Behind a condition, what was set before still counts.
      if (one.kind !== 'if') return found;
    }
    if (found.length > 0) return found;
    // Elsewhere in the server: the request may come from there by a rewrite.
    const around = level.around('server') ?? this.root;
    const anywhere = around.find('set').filter(({ node }) => setsVariable(node, variable));
    return anywhere.length === 0 ? null : anywhere;
  }
}

function setsVariable(node: DirectiveNode, variable: string): boolean {
  return node.args[0]?.text.toLowerCase() === `$${variable}`;
}

function setsOf(level: Level, variable: string): readonly Placed[] {
  return level
    .own('set')
    .filter((node) => setsVariable(node, variable))
    .map((node) => ({ level, node }));
}

const mostTexts = 32;

/**
 * What a text can become at a level: `set` and `map` with their values put in, as far as those are in
 * the configuration. What stays unknown stays a variable. At most 32 texts.
 */
export function expansions(
  definitions: Definitions,
  level: Level,
  text: string,
): readonly string[] {
  let texts = [text];
  // Each round puts in one level of definitions; a text that refers to itself ends with the rounds.
  for (let round = 0; round < 5; round += 1) {
    const next = texts.flatMap((one) => expandOnce(definitions, level, one)).slice(0, mostTexts);
    const unique = [...new Set(next)];
    if (unique.length === texts.length && unique.every((one, i) => one === texts[i])) break;
    texts = unique;
  }
  return texts;
}

function expandOnce(definitions: Definitions, level: Level, text: string): readonly string[] {
  for (const found of text.matchAll(pattern)) {
    const variable = (found[1] ?? found[2] ?? '').toLowerCase();
    const values = valuesOf(definitions, level, variable);
    if (values === null) continue;
    const before = text.slice(0, found.index);
    const after = text.slice(found.index + found[0].length);
    return values.map((value) => before + value + after);
  }
  return [text];
}

function valuesOf(
  definitions: Definitions,
  level: Level,
  variable: string,
): readonly string[] | null {
  if (definitions.opaque.has(variable)) return null;
  const map = definitions.maps.get(variable);
  if (map !== undefined) {
    // What a key caught is not known here.
    const values = map.entries.map(({ value }) => value);
    return values.length === 0 || values.some((value) => /\$(\{|\w)/.test(value)) ? null : values;
  }
  const sets = definitions.setsFor(level, variable);
  // What is checked before it is used is no longer what it was set to.
  if (sets === null || isGuarded(level, variable)) return null;
  const values = sets.map(({ node }) => node.args[1]?.text ?? '');
  return values.some((value) => variablesIn(value).includes(variable)) ? null : values;
}
