// The rows of `proxy_*`, TLS apart (proxy-ssl.ts).

import type { Argument } from '../config/node.ts';
import { directive, listDirective, type ValueType } from '../config/row.ts';
import { buffers, choice, custom, number, size, time } from '../config/value-types.ts';
import { isToken } from '../http1/text.ts';
import { flagRow, timeRow } from './row-shapes.ts';
import { conditionRows, conditions, defaultConditions } from '../upstream/retry.ts';
import { inHttpServerLocation } from './contexts.ts';

const oneArgument: ValueType<Argument> = {
  expects: 'a URL such as https://backend',
  parse: (node) => node.args[0] ?? null,
};

export const proxyPass = directive<Argument | null>({
  name: 'proxy_pass',
  contexts: ['location', 'if-in-location', 'limit_except'],
  args: 1,
  value: oneArgument,
  default: null,
  inherits: false,
  help:
    'Passes requests on to a server or group. With a URI part, it replaces the prefix of the ' +
    'location; without one, the request goes on as the client sent it.',
  differs:
    '"#" and what follows it in a request target does not go upstream; a URI part that begins with ' +
    '"?" gets the "/" that nginx leaves out; fields that Connection names, trailers and the field ' +
    'Trailer do not go on unless proxy_pass_trailers says so',
  example: 'proxy_pass https://backend.example.org:8443/app/;',
});

/** A field to send: name and value with variables. */
export interface HeaderLine {
  readonly name: string;
  readonly value: Argument;
}

const headerValue: ValueType<HeaderLine> = {
  expects: 'a field name and a value',
  parse(node, help) {
    const [name, value] = node.args;
    if (name === undefined || value === undefined) return null;
    if (isToken(name.text)) return { name: name.text, value };
    help.error(name.at, `invalid field name "${name.text}"`);
    return null;
  },
};

export const proxySetHeader = listDirective<HeaderLine>({
  name: 'proxy_set_header',
  contexts: inHttpServerLocation,
  args: 2,
  value: headerValue,
  defaultText: 'Host $proxy_host',
  help:
    'Sets a field of the upstream request; an empty value leaves it out. Any at one level replaces ' +
    'all of the levels above.',
  differs:
    'a value with "h2c", "HTTP" or "TLS" is never sent as Upgrade: it would carry requests past the ' +
    'proxy; nor is one with variables where the client asks for no upgrade (RFC 9110, 7.8); ' +
    'Content-Length and Transfer-Encoding are always those of the body that is sent',
  example: 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
});

function fieldNames(name: string, help: string, example: string) {
  return listDirective<string>({
    name,
    contexts: inHttpServerLocation,
    args: 1,
    value: custom('a field name', (node) => (node.args[0]?.text ?? '').toLowerCase()),
    help,
    example,
  });
}

export const proxyHideHeader = fieldNames(
  'proxy_hide_header',
  'Hides a field of the upstream response from the client.',
  'proxy_hide_header X-Powered-By;',
);
export const proxyPassHeader = fieldNames(
  'proxy_pass_header',
  'Shows the client a field that is hidden otherwise: Date, Server, X-Pad, X-Accel-*.',
  'proxy_pass_header Server;',
);

/** One `proxy_redirect`. */
export type RedirectLine =
  | { readonly kind: 'default' | 'off' }
  | { readonly kind: 'replace'; readonly from: Argument; readonly to: Argument };

const redirectValue: ValueType<RedirectLine> = {
  expects: '"default", "off", or what to replace and with what',
  parse(node, help) {
    const [from, to] = node.args;
    if (from === undefined) return null;
    if (to !== undefined) return { kind: 'replace', from, to };
    if (from.text === 'default' || from.text === 'off') return { kind: from.text };
    help.error(from.at, `invalid parameter "${from.text}"`);
    return null;
  },
};

export const proxyRedirect = listDirective<RedirectLine>({
  name: 'proxy_redirect',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: redirectValue,
  defaultText: 'default',
  help: 'Rewrites Location and Refresh of upstream responses.',
  example: 'proxy_redirect http://backend:8080/ /;',
});

export const proxyHttpVersion = directive<'1.0' | '1.1'>({
  name: 'proxy_http_version',
  contexts: inHttpServerLocation,
  args: 1,
  value: choice(['1.0', '1.1'] as const),
  default: '1.1',
  defaultText: '1.1',
  help: 'HTTP version of upstream requests.',
  example: 'proxy_http_version 1.0;',
});

export const proxyConnectTimeout = timeRow({
  name: 'proxy_connect_timeout',
  default: '60s',
  help: 'Time for opening an upstream connection, TLS handshake included.',
  example: 'proxy_connect_timeout 5s;',
});
export const proxySendTimeout = timeRow({
  name: 'proxy_send_timeout',
  default: '60s',
  help: 'Time between two writes of an upstream request.',
  example: 'proxy_send_timeout 30s;',
});
export const proxyReadTimeout = timeRow({
  name: 'proxy_read_timeout',
  default: '60s',
  help: 'Time between two reads of an upstream response; of an upgraded connection, time of silence.',
  example: 'proxy_read_timeout 30s;',
});

export const proxyBuffering = flagRow({
  name: 'proxy_buffering',
  default: true,
  help:
    'Whether an upstream server may be ahead of a slow client: by `proxy_buffers` in memory, then by ' +
    '`proxy_max_temp_file_size` in a temporary file.',
  differs: 'what the client can take goes to it at once, not only when a buffer is full',
  example: 'proxy_buffering off;',
});
export const proxyRequestBuffering = flagRow({
  name: 'proxy_request_buffering',
  default: true,
  help: 'Whether a request body is read whole before it is passed on, so that it can be sent again.',
  example: 'proxy_request_buffering off;',
});
export const proxyIgnoreClientAbort = flagRow({
  name: 'proxy_ignore_client_abort',
  default: false,
  help: 'Whether an upstream request goes on when the client has gone.',
  example: 'proxy_ignore_client_abort on;',
});
export const proxyInterceptErrors = flagRow({
  name: 'proxy_intercept_errors',
  default: false,
  help: 'Whether error_page applies to upstream responses of 300 and above.',
  example: 'proxy_intercept_errors on;',
});
export const proxyPassRequestHeaders = flagRow({
  name: 'proxy_pass_request_headers',
  default: true,
  help: 'Whether the fields of the client are passed on.',
  example: 'proxy_pass_request_headers off;',
});

export const proxyBufferSize = directive({
  name: 'proxy_buffer_size',
  contexts: inHttpServerLocation,
  args: 1,
  value: size,
  default: 4096,
  defaultText: '4k',
  help: 'Limit of an upstream response head; a larger one is answered 502.',
  example: 'proxy_buffer_size 8k;',
});

export const proxyBuffers = directive({
  name: 'proxy_buffers',
  contexts: inHttpServerLocation,
  args: 2,
  value: buffers,
  default: { number: 8, size: 4096 },
  defaultText: '8 4k',
  help: 'Number times size is how far an upstream server may be ahead of a slow client.',
  example: 'proxy_buffers 16 8k;',
});

const offBits = 1 << 30;
const nextUpstreamValue: ValueType<number> = {
  expects: `any of ${conditionRows.map((row) => row.name).join(', ')}, off`,
  parse(node, help) {
    let bits = 0;
    for (const argument of node.args) {
      const row = conditionRows.find((one) => one.name === argument.text);
      if (row !== undefined) bits |= row.bit;
      else if (argument.text === 'off') bits |= offBits;
      // Replaced by "error" in effect; nginx takes it for its cache.
      else if (argument.text !== 'updating') {
        help.error(argument.at, `invalid value "${argument.text}"`, nextUpstreamValue.expects);
        return null;
      }
    }
    return (bits & offBits) === 0 ? bits : 0;
  },
};

export const proxyNextUpstream = directive({
  name: 'proxy_next_upstream',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: nextUpstreamValue,
  default: defaultConditions,
  defaultText: `${conditions.error.name} ${conditions.timeout.name}`,
  help: 'What makes a request go to the next server of the group.',
  differs: 'a TLS verification failure never does: it is an answer of 502 and a line in the log',
  example: 'proxy_next_upstream error timeout http_503;',
});

export const proxyNextUpstreamTries = directive({
  name: 'proxy_next_upstream_tries',
  contexts: inHttpServerLocation,
  args: 1,
  value: number(),
  default: 0,
  defaultText: '0',
  help: 'Most servers that one request may be sent to; 0 for all.',
  example: 'proxy_next_upstream_tries 2;',
});

export const proxyNextUpstreamTimeout = directive({
  name: 'proxy_next_upstream_timeout',
  contexts: inHttpServerLocation,
  args: 1,
  value: time,
  default: 0,
  defaultText: '0',
  help: 'Time within which a request may go to another server; 0 for any time.',
  example: 'proxy_next_upstream_timeout 10s;',
});
