// Variables whose every value is written in the configuration: `set $backend api.internal`, a `map`
// to texts. A client may have a say in which of them counts, but can bring in none of its own, so
// that such a variable may hold the name that a certificate is verified for.

import type { Argument, DirectiveNode } from '../config/node.ts';
import { splitTemplate, TemplateError, type Template } from '../exchange/template.ts';
import type { BuildContext } from './build-context.ts';
import { namedGroups } from './named-captures.ts';

interface Definition {
  /** Variables that its values are made of. */
  readonly uses: Set<string>;
  /** Something else gives it values too. */
  open: boolean;
}

type Definitions = Map<string, Definition>;

/** Blocks that define the variable of their last argument, by the first argument of each line. */
const tables: ReadonlySet<string> = new Set(['map', 'split_clients']);

/** Names (in lower case) of the variables that hold nothing but what the configuration says. */
export function configuredVariables(nodes: readonly DirectiveNode[]): ReadonlySet<string> {
  const definitions: Definitions = new Map();
  collect(nodes, definitions);
  const names = new Set([...definitions].filter(([, one]) => !one.open).map(([name]) => name));
  // What is made of an open one is open too.
  for (let size = -1; size !== names.size;) {
    size = names.size;
    for (const name of names) {
      const uses = definitions.get(name)?.uses ?? [];
      if (![...uses].every((used) => names.has(used))) names.delete(name);
    }
  }
  return names;
}

function collect(nodes: readonly DirectiveNode[], definitions: Definitions): void {
  for (const node of nodes) {
    for (const text of [node.name, ...node.args.map((argument) => argument.text)]) {
      for (const group of namedGroups(text)) definitionOf(group, definitions).open = true;
    }
    define(node, definitions);
    if (node.block !== null) collect(node.block, definitions);
  }
}

function define({ name, args, block }: DirectiveNode, definitions: Definitions): void {
  const first = variableName(args[0]);
  const last = variableName(args.at(-1));
  if (name === 'set') {
    if (first !== null) addValue(definitionOf(first, definitions), args[1]);
  } else if (tables.has(name) && last !== null) {
    const definition = definitionOf(last, definitions);
    for (const line of block ?? []) addValue(definition, line.args[0]);
  } else if (name === 'geo' && last !== null) {
    definitionOf(last, definitions);
  } else if (first !== null && /(^|_)set(_|$)/.test(name)) {
    definitionOf(first, definitions).open = true;
  }
}

function definitionOf(name: string, definitions: Definitions): Definition {
  const key = name.toLowerCase();
  let found = definitions.get(key);
  if (found === undefined) {
    found = { uses: new Set(), open: false };
    definitions.set(key, found);
  }
  return found;
}

function addValue(definition: Definition, value: Argument | undefined): void {
  if (value === undefined) return;
  for (const used of usedNames(value.text)) definition.uses.add(used.toLowerCase());
}

function variableName(argument: Argument | undefined): string | null {
  return /^\$(\w+)$/.exec(argument?.text ?? '')?.[1] ?? null;
}

// What is malformed is reported by whoever compiles it.
function usedNames(text: string): readonly string[] {
  try {
    return splitTemplate(text).flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    return [];
  }
}

/** The beginning of a text with variables, as far as it holds only what the configuration says. */
export function configuredPrefix(argument: Argument, context: BuildContext): Template {
  let text = '';
  for (const part of splitTemplate(argument.text)) {
    if (typeof part === 'string') text += part;
    else if (isConfigured(part.name, context)) text += `\${${part.name}}`;
    else break;
  }
  return context.template({ ...argument, text });
}

// A variable of ours that `set` may change has its own value where no `set` was run.
function isConfigured(name: string, { configuredVariables, variables }: BuildContext): boolean {
  return configuredVariables.has(name.toLowerCase()) && !variables.isBuiltIn(name);
}
