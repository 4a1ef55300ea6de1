// Lists of MIME types that filters apply to: `gzip_types`, `sub_filter_types`, `charset_types`.

import type { ValueType } from '../config/row.ts';
import type { Exchange } from '../exchange/exchange.ts';

export const typeList: ValueType<readonly string[]> = {
  expects: 'MIME types, or "*"',
  parse: (node) => node.args.map((one) => one.text.toLowerCase()),
};

/** Is the type of the response, without its parameters, in the list? */
export function hasType({ contentType }: Exchange, types: ReadonlySet<string>): boolean {
  if (types.has('*')) return true;
  if (contentType === null) return false;
  return types.has((contentType.split(';')[0] ?? '').trim().toLowerCase());
}
