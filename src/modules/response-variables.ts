// Variables of the response: its fields, its trailers, and the rate at which it is sent.

import { parseSize } from '../base/size.ts';
import type { Exchange } from '../exchange/exchange.ts';
import {
  settableVariable,
  variableFamily,
  type Getter,
  type VariableRow,
} from '../exchange/variable.ts';
import { locationOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { hiddenField } from '../server/response-head.ts';
import type { Module } from './module.ts';

function sentField(suffix: string): Getter {
  const name = suffix.replaceAll('_', '-');
  switch (name) {
    case 'content-type':
      return sentType;
    case 'content-length':
      return (x) => (x.contentLength < 0 ? null : String(x.contentLength));
    case 'transfer-encoding':
      return (x) => (x.chunked ? 'chunked' : null);
    case 'location':
      return (x) => x.redirectPath ?? shown(x, name);
    case 'connection':
      return sentConnection;
    case 'keep-alive':
      return sentKeepAlive;
    default:
      return (x) => shown(x, name);
  }
}

// A 204 of the proxy's own goes out without a type.
function sentType(x: Exchange): string | null {
  return x.status === 204 && x.reason === null ? null : x.contentType;
}

function sentConnection(x: Exchange): string {
  if (x.status === 101) return 'upgrade';
  return x.keepAlive ? 'keep-alive' : 'close';
}

function sentKeepAlive(x: Exchange): string | null {
  const seconds = x.keepAlive ? locationOf(x).client.keepaliveHeader : 0;
  return seconds === 0 ? null : `timeout=${seconds}`;
}

/** All lines of a field that go out, as one value. */
function shown({ fields }: Exchange, lowerName: string): string | null {
  const { names, values, ids } = fields;
  let value: string | null = null;
  for (let i = 0; i < names.length; i += 1) {
    if (ids[i] === hiddenField || names[i]?.toLowerCase() !== lowerName) continue;
    const one = values[i] ?? '';
    // A field without a value is not sent.
    if (one !== '') value = value === null ? one : `${value}, ${one}`;
  }
  return value;
}

function sentTrailer(suffix: string): Getter {
  const name = suffix.replaceAll('_', '-');
  return (x) => (x.sentTrailers === '' ? null : trailerIn(x.sentTrailers, name));
}

function trailerIn(lines: string, lowerName: string): string | null {
  const values = lines
    .split('\r\n')
    .filter((line) => line.slice(0, line.indexOf(':')).toLowerCase() === lowerName)
    .map((line) => line.slice(line.indexOf(':') + 1).trim());
  return values.length === 0 ? null : values.join(', ');
}

function setLimitRate(x: Exchange, value: string): void {
  const rate = parseSize(value);
  if (rate === null) logError(x, 'error', `invalid $limit_rate "${value}"`);
  else x.limitRate = rate;
}

const rows: readonly VariableRow[] = [
  variableFamily(
    'sent_http_',
    "Response field, by name. In a log, $sent_http_connection is what was sent (nginx's is close).",
    sentField,
    // nginx has rows of their own for these.
    [
      'content_type',
      'content_length',
      'location',
      'last_modified',
      'connection',
      'keep_alive',
      'transfer_encoding',
      'cache_control',
      'link',
    ],
  ),
  variableFamily('sent_trailer_', 'Field after the response body, by name.', sentTrailer),
  settableVariable('limit_rate', 'Bytes per second at which the response is sent; 0: no limit.', {
    get: (x) => String(Math.max(x.limitRate, 0)),
    assign: setLimitRate,
  }),
];

export const responseVariablesModule: Module = {
  name: 'response variables',
  directives: [],
  variables: rows,
};
