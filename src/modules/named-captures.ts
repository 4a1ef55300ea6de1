// Variables that named groups of regular expressions define. They are known before anything is
// compiled, because nginx lets a log format at the top use what a location further down captures.

import type { DirectiveNode } from '../config/node.ts';
import type { VariableTable } from '../exchange/variable.ts';

/** Names of the named groups in the source of a regular expression, in order. */
export function namedGroups(source: string): string[] {
  return [...source.matchAll(/\(\?P?<([A-Za-z_]\w*)>/g)].map((match) => match[1] ?? '');
}

/** Defines the variables of all regular expressions in a configuration. */
export function defineNamedCaptures(
  nodes: readonly DirectiveNode[],
  variables: VariableTable,
): void {
  for (const { name: directive, args, block } of nodes) {
    // "~" is an argument of its own in `location ~ …` and `if`, and the first character elsewhere.
    if (directive === 'rewrite' || args.some(({ text }) => /^!?~/.test(text))) {
      for (const { text } of args) for (const name of namedGroups(text)) variables.define(name);
    }
    // A line of `map`.
    if (directive.startsWith('~')) {
      for (const name of namedGroups(directive)) variables.define(name);
    }
    if (block !== null) defineNamedCaptures(block, variables);
  }
}
