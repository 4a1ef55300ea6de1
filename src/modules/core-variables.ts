// Variables of the request, the connection and the process.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { hostname } from 'node:os';
import { now } from '../base/clock.ts';
import { describeSystemError } from '../base/system-error.ts';
import { version } from '../base/version.ts';
import type { Exchange, LocationFacts } from '../exchange/exchange.ts';
import {
  settableVariable,
  variable,
  variableFamily,
  type VariableRow,
} from '../exchange/variable.ts';
import { FieldId, fieldIdOf } from '../http1/field-id.ts';
import type { Fields } from '../http1/fields.ts';
import { statusText } from '../http1/status.ts';
import { locationOf } from '../server/phases.ts';
import { logError, requestLine } from '../server/request-log.ts';
import { cookieValue } from './cookie.ts';
import type { Module } from './module.ts';
import { basicCredentials } from './password/basic-credentials.ts';

const machine = hostname().toLowerCase();

function requestField(suffix: string): (x: Exchange) => string | null {
  const name = suffix.replaceAll('_', '-');
  const separator = name === 'cookie' ? '; ' : ', ';
  const id = fieldIdOf(name);
  if (id === FieldId.other && name !== suffix) return (x) => spelledEitherWay(x, suffix);
  if (id === FieldId.other) return (x) => joined(x.request.fields, name, separator);
  return (x) => {
    const { fields } = x.request;
    const at = fields.ids.indexOf(id);
    if (at < 0) return null;
    const repeated = fields.ids.indexOf(id, at + 1) > 0;
    return repeated ? joined(fields, name, separator) : (fields.values[at] ?? null);
  };
}

// `underscores_in_headers`: "_" in a field's name counts as "-".
function spelledEitherWay(x: Exchange, suffix: string): string | null {
  const { names, values } = x.request.fields;
  let found: string | null = null;
  for (let i = 0; i < names.length; i += 1) {
    const name = names[i] ?? '';
    if (name.length !== suffix.length) continue;
    if (name.toLowerCase().replaceAll('-', '_') !== suffix) continue;
    found = found === null ? (values[i] ?? '') : `${found}, ${values[i] ?? ''}`;
  }
  return found;
}

// Lines of one name make one value, as in nginx since 1.23.
function joined(fields: Fields, name: string, separator: string): string | null {
  const values = fields.all(name);
  return values.length > 1 ? values.join(separator) : (values[0] ?? null);
}

function argument(name: string): (x: Exchange) => string | null {
  const wanted = name.toLowerCase();
  return (x) => {
    if (x.args === '') return null;
    for (const pair of x.args.split('&')) {
      const equals = pair.indexOf('=');
      if (equals !== -1 && pair.slice(0, equals).toLowerCase() === wanted) {
        return pair.slice(equals + 1);
      }
    }
    return null;
  };
}

function cookie(name: string): (x: Exchange) => string | null {
  return (x) => cookieValue(x.request.fields.all('cookie'), name);
}

/** Seconds with milliseconds, as nginx writes times. */
export function seconds(ms: number): string {
  const whole = Math.max(0, ms);
  return `${Math.floor(whole / 1000)}.${String(whole % 1000).padStart(3, '0')}`;
}

/** Unix sockets have none. */
function portText(port: number): string {
  return port === 0 ? '' : String(port);
}

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
let localSecond = -1;
let localText = '';
let isoText = '';

function formatTimes(): void {
  const second = Math.floor(now() / 1000);
  if (second === localSecond) return;
  localSecond = second;
  const date = new Date(second * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const hours = two(Math.floor(Math.abs(offset) / 60));
  const minutes = two(Math.abs(offset) % 60);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = two(date.getDate());
  const year = date.getFullYear();
  localText = `${day}/${months[date.getMonth()] ?? ''}/${year}:${clock} ${sign}${hours}${minutes}`;
  isoText = `${year}-${two(date.getMonth() + 1)}-${day}T${clock}${sign}${hours}:${minutes}`;
}

function remoteUser(x: Exchange): string | null {
  return basicCredentials(x)?.user ?? null;
}

function requestId(x: Exchange): string {
  const { main } = x;
  main.requestId ??= randomBytes(16).toString('hex');
  return main.requestId;
}

// Before a location is found, or in none, what holds for the whole server. A TLS handshake, for which
// a `map` may be evaluated, has neither.
function placeOf(x: Exchange): LocationFacts | null {
  return x.location !== null || 'outside' in x.server ? locationOf(x) : null;
}

function documentRoot(x: Exchange): string | null {
  return placeOf(x)?.documentRoot?.(x) ?? null;
}

function realDocumentRoot(x: Exchange): string | null {
  const root = documentRoot(x);
  if (root === null || root.includes('\0')) return null;
  try {
    return fs.realpathSync.native(Buffer.from(root, 'latin1'), 'buffer').toString('latin1');
  } catch (thrown) {
    const reason = describeSystemError(thrown);
    logError(x, 'crit', `realpath() "${root}" failed (${reason})`);
    return null;
  }
}

function query(x: Exchange): string | null {
  return x.args === '' ? null : x.args;
}

function setQuery(x: Exchange, value: string): void {
  x.args = value;
  x.targetValid = false;
}

const rows: readonly VariableRow[] = [
  variableFamily('arg_', 'Argument of the query, by name.', argument),
  settableVariable('args', 'The query.', { get: query, assign: setQuery }),
  variable('query_string', 'The query.', (x) => (x.args === '' ? null : x.args)),
  variable('is_args', '"?" if there is a query.', (x) => (x.args === '' ? '' : '?')),
  variable('body_bytes_sent', 'Bytes of the response body.', (x) => String(x.bodyBytesSent)),
  variable('bytes_sent', 'Bytes of the whole response.', (x) => String(x.bytesSent)),
  variable('connection', 'Number of the client connection.', (x) => String(x.client.id)),
  variable('connection_requests', 'Requests so far over the connection.', (x) =>
    String(x.client.requests),
  ),
  variable('connection_time', 'Seconds since the connection was accepted.', (x) =>
    seconds(now() - x.client.startedAt),
  ),
  variable(
    'content_length',
    'Request field Content-Length; of a chunked body that was read whole, its length.',
    (x) =>
      x.bodyChunked && x.storedBody !== null
        ? String(x.storedBody.length)
        : x.request.fields.get('content-length'),
  ),
  variable('content_type', 'Request field Content-Type.', (x) =>
    x.request.fields.get('content-type'),
  ),
  variableFamily('cookie_', 'Request cookie, by name.', cookie),
  variable('document_root', 'Value of root or alias.', documentRoot),
  variable('realpath_root', 'The same without symbolic links.', realDocumentRoot),
  variable(
    'request_filename',
    'Path of the file that the URI stands for.',
    (x) => placeOf(x)?.requestFilename?.(x) ?? null,
  ),
  variable('uri', 'Normalised path.', (x) => x.uri),
  variable('document_uri', 'Normalised path.', (x) => x.uri),
  variable(
    'host',
    'Host of the request, lower case, without port; else the server name.',
    (x) => x.host,
  ),
  variable('hostname', 'Name of the machine.', () => machine),
  variableFamily(
    'http_',
    'Request field, by name in lower case with "_" for "-".',
    requestField,
    // nginx has rows of their own for these.
    ['host', 'user_agent', 'referer', 'via', 'x_forwarded_for', 'cookie'],
  ),
  variable('https', '"on" where the client speaks TLS.', (x) =>
    x.client.tls === null ? '' : 'on',
  ),
  variable('msec', 'Seconds since the epoch, with milliseconds.', () => seconds(now())),
  variable('nginx_version', 'Version of this program.', () => version),
  variable('pid', 'Number of the process.', () => String(process.pid)),
  variable('remote_addr', 'Address of the client.', (x) => x.remoteAddress),
  variable('remote_port', 'Port of the client.', (x) => portText(x.remotePort)),
  variable('remote_user', 'User name of Basic authentication.', remoteUser),
  variable('request', 'The request line.', (x) => (x.request.target === '' ? '' : requestLine(x))),
  variable('request_completion', '"OK" if the response was sent whole.', (x) =>
    x.completed ? 'OK' : '',
  ),
  variable('request_id', '32 random hexadecimal digits.', requestId),
  variable('request_length', 'Bytes of the request.', (x) => String(x.requestLength)),
  variable('request_method', 'Method of the request.', (x) => x.main.method),
  variable('request_time', 'Seconds since the first byte of the request.', (x) =>
    seconds(now() - x.startedAt),
  ),
  variable('request_uri', 'The request target as the client sent it.', (x) => rawTarget(x)),
  variable('scheme', '"http" or "https".', (x) => (x.client.tls === null ? 'http' : 'https')),
  variable('server_addr', 'Address that accepted the connection.', (x) => x.client.localAddress),
  variable('server_name', 'First name of the server.', (x) => x.server.name),
  variable('server_port', 'Port that accepted the connection.', (x) =>
    portText(x.client.localPort),
  ),
  variable('server_protocol', '"HTTP/1.1" or "HTTP/1.0".', (x) =>
    x.request.version === 11 ? 'HTTP/1.1' : 'HTTP/1.0',
  ),
  variable('status', 'Status of the response.', (x) => statusText(x.status || x.fixedStatus)),
  variable('time_iso8601', 'Local time, ISO 8601.', () => {
    formatTimes();
    return isoText;
  }),
  variable('time_local', 'Local time, Common Log Format.', () => {
    formatTimes();
    return localText;
  }),
];

/** Path and query as received, without what an absolute target has before them. */
export function rawTarget(x: Exchange): string {
  const { request } = x;
  if (request.form !== 'absolute') return request.target;
  return request.hasQuery ? `${request.path}?${request.query}` : request.path;
}

export const coreVariablesModule: Module = { name: 'variables', directives: [], variables: rows };
