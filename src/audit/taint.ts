// Which texts the client of the proxy has a say in: variables that it fills, followed through `set`,
// `map` and the groups of regular expressions, with the characters that they may hold.

import { CharSet } from './char-set.ts';
import { isGuarded, trialOfRewrite, trialsOfOpening, type Trial } from './conditions.ts';
import type { DirectiveNode } from '../config/node.ts';
import {
  beginsWithSlash,
  charsOf,
  groupsOfRegex,
  isFixedList,
  readRegex,
  regexOfWord,
} from './regex-facts.ts';
import type { Level } from './tree.ts';
import { type Definitions, type MapDefinition, variablesIn } from './variables.ts';

/** What the client may put into a text. */
export interface Flow {
  /** The characters that it may put there. */
  readonly chars: CharSet;
  /** The variable that it comes from: `$http_host`. */
  readonly from: string;
  /** Is it empty or begins with a slash, so that it ends the host before it? */
  readonly isPath: boolean;
}

const everything = new CharSet().inverted();
/** In the value of a header field: no CR, LF or NUL. */
const fieldChars = CharSet.of('\r\n\0').inverted();
/** In a request line: no blanks and controls. */
const lineChars = CharSet.range(0x21, 0xff);
/** nginx checks names of hosts: no slash, no blanks, in lower case. */
const hostChars = lineChars.intersection(CharSet.of('/A-Z').inverted());
const methodChars = CharSet.of('A-Z_\\-');

const sources: Readonly<Record<string, CharSet>> = {
  host: hostChars,
  ssl_server_name: hostChars,
  ssl_preread_server_name: lineChars,
  uri: everything,
  document_uri: everything,
  request_filename: everything,
  fastcgi_script_name: everything,
  fastcgi_path_info: everything,
  request_body: everything,
  request_uri: lineChars,
  request: fieldChars,
  args: lineChars,
  query_string: lineChars,
  content_type: fieldChars,
  proxy_add_x_forwarded_for: fieldChars,
  request_method: methodChars,
  ssl_preread_alpn_protocols: lineChars,
};

const paths = /^(?:uri|document_uri|request_uri)$/;

const families: readonly { readonly start: string; readonly chars: CharSet }[] = [
  { start: 'http_', chars: fieldChars },
  { start: 'cookie_', chars: fieldChars },
  { start: 'arg_', chars: lineChars },
];

/** Answers for one configuration. */
export class Taint {
  readonly #definitions: Definitions;

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /**
   * What the client may put into a text at a level: one entry for each variable of it that it has a
   * say in. Empty where it has none.
   *
   * @param node - the directive of the text, for what its own regular expression catches
   */
  flowsOf(text: string, level: Level, node?: DirectiveNode): readonly Flow[] {
    return variablesIn(text)
      .map((variable) => this.#flowOf(variable, { level, node, seen: new Set() }))
      .filter((flow) => flow !== null);
  }

  #flowOf(variable: string, place: FlowPlace): Flow | null {
    if (place.seen.has(variable)) return null;
    const inner = { ...place, seen: new Set([...place.seen, variable]) };
    if (/^\d+$/.test(variable)) return this.#ofTrials(trialsAt(place), Number(variable), inner);
    const map = this.#definitions.maps.get(variable);
    if (map !== undefined) return this.#ofMap(map, inner);
    const sets = this.#definitions.setsFor(place.level, variable);
    if (sets !== null) {
      if (isGuarded(place.level, variable)) return null;
      return merged(
        sets.flatMap(({ node, level }) =>
          variablesIn(node.args[1]?.text ?? '').map((one) =>
            this.#flowOf(one, { level, node: undefined, seen: inner.seen }),
          ),
        ),
      );
    }
    const captures = this.#definitions.captures.get(variable);
    if (captures !== undefined) {
      return merged(captures.map(({ trial, name }) => this.#ofTrials([trial], name, inner)));
    }
    return isGuarded(place.level, variable) ? null : ofSource(variable, place.level);
  }

  #ofTrials(trials: readonly Trial[], group: number | string, place: FlowPlace): Flow | null {
    return merged(trials.map((trial) => this.#ofGroup(trial, group, place)));
  }

  #ofGroup(trial: Trial, group: number | string, place: FlowPlace): Flow | null {
    const regex = readRegex(trial);
    const subject = merged(variablesIn(trial.subject).map((one) => this.#flowOf(one, place)));
    if (regex === null || subject === null) return subject;
    const found = groupsOfRegex(regex).find(({ index, name }) => index === group || name === group);
    if (found === undefined || isFixedList(found.item)) return null;
    const chars = charsOf(found.item).intersection(subject.chars);
    return { chars, from: `$${group}`, isPath: beginsWithSlash(found.item) };
  }

  #ofMap({ source, entries }: MapDefinition, place: FlowPlace): Flow | null {
    return merged(
      entries.flatMap(({ key, value, node }) => {
        const found = regexOfWord(key);
        const trials = found === null ? [] : [{ subject: source, ...found, node }];
        return variablesIn(value).map((one) => {
          const named = trials.length > 0 && hasGroup(trials, one);
          if (/^\d+$/.test(one)) return this.#ofTrials(trials, Number(one), place);
          return named ? this.#ofTrials(trials, one, place) : this.#flowOf(one, place);
        });
      }),
    );
  }
}

interface FlowPlace {
  readonly level: Level;
  readonly node: DirectiveNode | undefined;
  readonly seen: ReadonlySet<string>;
}

function hasGroup([trial]: readonly Trial[], name: string): boolean {
  const regex = trial === undefined ? null : readRegex(trial);
  return regex !== null && groupsOfRegex(regex).some((group) => group.name?.toLowerCase() === name);
}

function merged(flows: readonly (Flow | null)[]): Flow | null {
  const [first, ...rest] = flows.filter((flow) => flow !== null);
  if (first === undefined) return null;
  return rest.reduce(
    (a, b) => ({
      chars: a.chars.union(b.chars),
      from: a.from,
      isPath: a.isPath && b.isPath,
    }),
    first,
  );
}

function ofSource(variable: string, level: Level): Flow | null {
  const from = `$${variable}`;
  // Decoded from Base64, and the client's own words where nobody checks them.
  if (variable === 'remote_user') {
    const basic = level.value('auth_basic');
    return basic === null || basic === 'off' ? { chars: everything, from, isPath: false } : null;
  }
  const chars =
    sources[variable] ?? families.find(({ start }) => variable.startsWith(start))?.chars ?? null;
  return chars === null ? null : { chars, from, isPath: paths.test(variable) };
}

// The expressions whose groups `$1` may mean at a place.
function trialsAt({ level, node }: FlowPlace): readonly Trial[] {
  if (node?.name === 'rewrite') return [trialOfRewrite(node)];
  for (const one of level.outwards()) {
    const opening = trialsOfOpening(one);
    if (opening.length > 0) return opening;
    const inside = one.children.filter(({ kind }) => kind === 'if').flatMap(trialsOfOpening);
    const rewrites = one.own('rewrite').map(trialOfRewrite);
    if (inside.length + rewrites.length > 0) return [...inside, ...rewrites];
    if (one.kind === 'server') {
      return one.own('server_name').flatMap((name) =>
        name.args.flatMap(({ text }) => {
          const found = regexOfWord(text);
          return found === null ? [] : [{ subject: '$host', ...found, node: name }];
        }),
      );
    }
  }
  return [];
}
