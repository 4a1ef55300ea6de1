// Directives of which several lines gather, or a single `off` cancels those of the levels above.

import type { Argument } from '../config/node.ts';
import type { DirectiveRow, ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { BuildContext } from './build-context.ts';

export type OffOr<T> = 'off' | T;

/** @param read - makes a line of two arguments or more; null where they are too few */
export function offOrArguments<T>(
  expects: string,
  read: (first: Argument, others: readonly Argument[]) => T | null,
): ValueType<OffOr<T>> {
  return {
    expects,
    parse(node, help) {
      const [first, ...others] = node.args;
      if (first === undefined) return null;
      if (others.length === 0 && first.text === 'off') return 'off';
      const line = others.length === 0 ? null : read(first, others);
      if (line === null) help.error(first.at, `invalid parameter "${first.text}"`);
      return line;
    },
  };
}

/** `off` stands alone at its level: anything beside it is a mistake. */
export function reportOff<T>(
  lines: readonly OffOr<T>[],
  scope: Scope,
  row: DirectiveRow,
  context: BuildContext,
): void {
  if (lines.length < 2 || !lines.includes('off')) return;
  context.reportOnce(
    'error',
    scope.nodes(row)[1]?.at ?? null,
    `"${row.name}" directive is duplicate`,
  );
}
