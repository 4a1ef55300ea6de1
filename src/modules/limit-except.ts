// `limit_except`: settings for all methods but the ones named.

import { blockDirective } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { inLocation } from './contexts.ts';

export const limitExcept = blockDirective({
  name: 'limit_except',
  contexts: inLocation,
  args: { min: 1, max: Infinity },
  opens: 'limit_except',
  once: true,
  help:
    'What stands in the block applies to requests of all methods but those named; HEAD goes with ' +
    'GET.',
  example: 'limit_except GET HEAD {\n' + '  allow 192.0.2.0/24;\n' + '  deny all;\n' + '}',
});

const known: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'MKCOL',
  'COPY',
  'MOVE',
  'OPTIONS',
  'PROPFIND',
  'PROPPATCH',
  'LOCK',
  'UNLOCK',
  'PATCH',
]);

/** The methods that a block leaves alone. Unknown ones are reported. */
export function methodsOf(scope: Scope): ReadonlySet<string> {
  const methods = new Set<string>();
  for (const { text, at } of scope.node?.args ?? []) {
    const method = text.toUpperCase();
    if (!known.has(method)) scope.diagnostics.error(at, `invalid method "${text}"`);
    methods.add(method);
    if (method === 'GET') methods.add('HEAD');
  }
  return methods;
}
