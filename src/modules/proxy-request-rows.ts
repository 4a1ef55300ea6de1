// `proxy_method`, `proxy_set_body`, `proxy_pass_request_body`: what of a request is replaced before
// it goes upstream.

import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { RequestReplacement } from '../forward/proxy-settings.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { flagRow } from './row-shapes.ts';

function text(expects: string): ValueType<Argument> {
  return { expects, parse: (node) => node.args[0] ?? null };
}

export const proxyMethod = directive<Argument | null>({
  name: 'proxy_method',
  contexts: inHttpServerLocation,
  args: 1,
  value: text('a method'),
  default: null,
  help: "Method of upstream requests, in place of the client's.",
  differs:
    "a value that is no method leaves the client's; a request counts as one that must not be sent " +
    'twice if either method says so',
  example: 'proxy_method POST;',
});

export const proxySetBody = directive<Argument | null>({
  name: 'proxy_set_body',
  contexts: inHttpServerLocation,
  args: 1,
  value: text('a body'),
  default: null,
  help: "Body of upstream requests, in place of the client's; Content-Length is its length.",
  example: 'proxy_set_body "{\\"client\\": \\"$remote_addr\\"}";',
});

export const proxyPassRequestBody = flagRow({
  name: 'proxy_pass_request_body',
  default: true,
  help: 'Whether the request body is passed on. It is read in any case.',
  differs:
    'without a body there is no Content-Length either, so that the server does not wait for one',
  example: 'proxy_pass_request_body off;',
});

/** Null: nothing is replaced. */
export function requestReplacement(scope: Scope, context: BuildContext): RequestReplacement | null {
  const method = scope.get(proxyMethod);
  const body = scope.get(proxySetBody);
  const passBody = scope.get(proxyPassRequestBody);
  if (method === null && body === null && passBody) return null;
  return {
    method: method === null ? null : context.template(method),
    body: body === null ? null : context.template(body),
    passBody,
  };
}
