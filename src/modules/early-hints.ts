// `early_hints`: 103 responses of upstream servers (RFC 8297) for the clients that can use them.

import type { Argument } from '../config/node.ts';
import { listDirective } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';

export const earlyHints = listDirective<readonly Argument[]>({
  name: 'early_hints',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: { expects: 'one or several values', parse: (node) => node.args },
  help:
    'A response 103 of an upstream server is passed on if one of the values is neither empty nor ' +
    '"0", and the client speaks HTTP/1.1.',
  example: 'early_hints $http_sec_fetch_mode;',
});

/** Null: nobody gets them. */
export function compileEarlyHints(
  scope: Scope,
  context: BuildContext,
): ((x: Exchange) => boolean) | null {
  const values = scope
    .get(earlyHints)
    .flat()
    .map((argument) => context.template(argument));
  if (values.length === 0) return null;
  return (x) =>
    x.request.version === 11 &&
    values.some((value) => {
      const text = value.evaluate(x);
      return text !== '' && text !== '0';
    });
}
