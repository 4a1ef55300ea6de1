// `$upstream_*`: what happened behind the proxy. Several tries are separated by ", ", as in nginx.

import type { Exchange } from '../exchange/exchange.ts';
import type { UpstreamTry } from '../exchange/upstream-try.ts';
import { variable, variableFamily, type VariableRow } from '../exchange/variable.ts';
import type { UpstreamTlsFacts } from '../tls/upstream-facts.ts';
import { seconds } from './core-variables.ts';
import type { Module } from './module.ts';

/** One value per try; null where the request was not passed on. */
function perTry(read: (one: UpstreamTry) => string): (x: Exchange) => string | null {
  return (x) => {
    const { tries } = x;
    if (tries === null || tries.length === 0) return null;
    const [only] = tries;
    if (tries.length === 1 && only !== undefined) return read(only);
    return joined(tries, read);
  };
}

// nginx separates servers of one group by ", ", and groups (after an internal redirect) by " : ".
function joined(tries: readonly UpstreamTry[], read: (one: UpstreamTry) => string): string {
  let text = '';
  for (const one of tries) {
    if (text !== '') text += one.startsGroup ? ' : ' : ', ';
    text += read(one);
  }
  return text;
}

function time(ms: number): string {
  return ms < 0 ? '-' : seconds(ms);
}

function fact(name: string, help: string, read: (facts: UpstreamTlsFacts) => string): VariableRow {
  return variable(
    `upstream_ssl_${name}`,
    help,
    // Of several tries an empty one could not be told apart.
    perTry((one) => (one.tls === null ? '-' : read(one.tls) || '-')),
  );
}

function field(suffix: string): (x: Exchange) => string | null {
  const name = suffix.replaceAll('_', '-');
  return (x) => upstreamField(x, name);
}

function trailer(suffix: string): (x: Exchange) => string | null {
  const name = suffix.replaceAll('_', '-');
  return (x) => x.upstreamTrailers?.all(name).join(', ') || null;
}

// Fields that were hidden from the client are still to be seen here.
function upstreamField(x: Exchange, lower: string): string | null {
  const fields = x.upstreamHead?.fields;
  if (fields === undefined) return null;
  const values: string[] = [];
  for (let i = 0; i < x.upstreamFields; i += 1) {
    if (fields.names[i]?.toLowerCase() === lower) values.push(fields.values[i] ?? '');
  }
  return values.length === 0 ? null : values.join(', ');
}

function upstreamCookie(name: string): (x: Exchange) => string | null {
  return (x) => {
    const fields = x.upstreamHead?.fields;
    if (fields === undefined) return null;
    for (let i = 0; i < x.upstreamFields; i += 1) {
      if (fields.names[i]?.toLowerCase() !== 'set-cookie') continue;
      const [pair = ''] = (fields.values[i] ?? '').split(';');
      const equals = pair.indexOf('=');
      if (equals > 0 && pair.slice(0, equals).trim().toLowerCase() === name) {
        return pair.slice(equals + 1).trim();
      }
    }
    return null;
  };
}

const rows: readonly VariableRow[] = [
  variable(
    'upstream_addr',
    'Addresses of the servers tried.',
    perTry((one) => one.address),
  ),
  variable(
    'upstream_status',
    'Statuses of their answers.',
    perTry((one) => (one.status === 0 ? '-' : String(one.status))),
  ),
  variable(
    'upstream_connect_time',
    'Seconds until the connections were open, TLS included.',
    perTry((one) => time(one.connectTime)),
  ),
  variable(
    'upstream_header_time',
    'Seconds until the response heads were there.',
    perTry((one) => time(one.headerTime)),
  ),
  variable(
    'upstream_response_time',
    'Seconds until the responses were complete.',
    perTry((one) => time(one.responseTime)),
  ),
  variable(
    'upstream_queue_time',
    'Seconds in the queue of the group.',
    perTry((one) => time(one.queueTime)),
  ),
  variable(
    'upstream_last_addr',
    'Address of the server chosen last, with its port.',
    (x) => x.tries?.at(-1)?.address || null,
  ),
  variable(
    'upstream_last_server_name',
    'Host of the server chosen last, as it is configured.',
    (x) => x.tries?.at(-1)?.serverName || null,
  ),
  variable(
    'upstream_response_length',
    'Bytes of the response bodies.',
    perTry((one) => String(one.responseLength)),
  ),
  variable(
    'upstream_bytes_received',
    'Bytes received from the servers.',
    perTry((one) => String(one.bytesReceived)),
  ),
  variable(
    'upstream_bytes_sent',
    'Bytes sent to the servers.',
    perTry((one) => String(one.bytesSent)),
  ),
  variableFamily('upstream_http_', 'Field of the upstream response, by name.', field),
  variableFamily(
    'upstream_trailer_',
    'Field after the body of the upstream response, by name.',
    trailer,
  ),
  variableFamily('upstream_cookie_', 'Cookie that the upstream response sets.', upstreamCookie),
  fact('protocol', 'TLS version towards the server.', (facts) => facts.protocol),
  fact('cipher', 'Cipher suite towards the server.', (facts) => facts.cipher),
  fact('curve', 'Key exchange group towards the server.', (facts) => facts.curve),
  fact('reused', '"r" where the TLS session was resumed, else ".".', (facts) =>
    facts.reused ? 'r' : '.',
  ),
  variable(
    'upstream_ssl_verify',
    'SUCCESS, NONE (switched off), or FAILED: or REPORTED: with the error code.',
    perTry((one) =>
      one.tlsFailure === null ? (one.tls?.verify ?? '-') : `FAILED:${one.tlsFailure}`,
    ),
  ),
  fact('subject', 'Subject of the server certificate.', (facts) => facts.subject),
  fact('issuer', 'Issuer of the server certificate.', (facts) => facts.issuer),
  fact('serial', 'Serial number of the server certificate.', (facts) => facts.serial),
  fact('sans', 'Names in the server certificate.', (facts) => facts.sans),
  fact('not_before', 'Start of its validity.', (facts) => facts.notBefore),
  fact('expires', 'End of its validity.', (facts) => facts.notAfter),
  fact(
    'ocsp',
    'Stapled OCSP response: GOOD, REVOKED, INVALID, NONE; "-": not asked for.',
    (facts) => facts.ocsp,
  ),
  fact('fingerprint', 'SHA-256 of the server certificate.', (facts) => facts.fingerprint),
];

export const upstreamVariablesModule: Module = {
  name: 'upstream variables',
  directives: [],
  variables: rows,
};
