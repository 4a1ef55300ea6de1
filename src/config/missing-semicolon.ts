// The commonest mistake: a line without its `;`, so that the next directive becomes arguments.

import type { DirectiveNode } from './node.ts';

export interface SplitDirective {
  readonly first: DirectiveNode;
  readonly second: DirectiveNode;
  /** The line at whose end the `;` should stand. */
  readonly line: number;
}

/**
 * Looks for an argument that begins a line and is a directive's name.
 *
 * @param knows - is it the name of a directive that may stand here?
 * @returns the two directives that were likely meant, or null
 */
export function splitAtMissingSemicolon(
  node: DirectiveNode,
  knows: (name: string) => boolean,
): SplitDirective | null {
  let line = node.at.line;
  for (const [index, argument] of node.args.entries()) {
    if (argument.at.line > line && !argument.quoted && knows(argument.text)) {
      const { name, at } = node;
      return {
        first: { name, at, args: node.args.slice(0, index), block: null },
        second: {
          name: argument.text,
          at: argument.at,
          args: node.args.slice(index + 1),
          block: node.block,
        },
        line,
      };
    }
    line = argument.at.line;
  }
  return null;
}
