// The ready format "json": one object a line, with every fact of the request, of the client's TLS,
// and of each try at an upstream server as an element of its own. docs/access-log.md lists the
// fields; a test compares.

import { isUtf8 } from 'node:buffer';
import type { ClientTls } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { UpstreamTry } from '../exchange/upstream-try.ts';
import type { Getter, VariableTable } from '../exchange/variable.ts';
import type { LineBuffer } from '../log/line-buffer.ts';
import type { UpstreamTlsFacts } from '../tls/upstream-facts.ts';
import { jsonBytesTable, jsonTable } from './log-escape.ts';

/** Null becomes `null`, and so does a text that is empty. */
type Value = string | number | boolean | null;

/** Variables that are logged under their own names. */
export const jsonVariables: readonly { readonly name: string; readonly kind: 'text' | 'number' }[] =
  [
    ...texts('time_iso8601'),
    ...numbers('msec'),
    ...texts('request_id'),
    ...numbers('connection', 'connection_requests', 'connection_time'),
    ...texts('remote_addr'),
    ...numbers('remote_port'),
    ...texts('remote_user', 'server_addr'),
    ...numbers('server_port'),
    ...texts('server_name', 'host', 'scheme', 'request_method', 'request_uri', 'uri', 'args'),
    ...texts('server_protocol', 'http_host', 'http_referer', 'http_user_agent'),
    ...texts('http_x_forwarded_for', 'content_type'),
    ...numbers('content_length', 'request_length', 'status', 'bytes_sent', 'body_bytes_sent'),
    ...numbers('request_time'),
    ...texts('request_completion', 'sent_http_content_type', 'sent_http_location'),
  ];

function texts(...names: string[]): { readonly name: string; readonly kind: 'text' }[] {
  return names.map((name) => ({ name, kind: 'text' }));
}

function numbers(...names: string[]): { readonly name: string; readonly kind: 'number' }[] {
  return names.map((name) => ({ name, kind: 'number' }));
}

type Facts<T> = Readonly<Record<string, (of: T) => Value>>;

/** `ssl`: the client's TLS. Names are those of `$ssl_*`. */
export const jsonClientTls: Facts<ClientTls> = {
  protocol: (tls) => tls.protocol,
  cipher: (tls) => tls.cipher,
  curve: (tls) => tls.curve,
  session_reused: (tls) => tls.reused,
  server_name: (tls) => tls.serverName,
  alpn_protocol: (tls) => tls.alpn,
  client_verify: (tls) => tls.verify,
  client_s_dn: (tls) => tls.subject,
  client_i_dn: (tls) => tls.issuer,
  client_serial: (tls) => tls.serial,
  client_fingerprint: (tls) => tls.fingerprint,
};

/** An element of `upstream`. Names are those of `$upstream_*`. */
export const jsonTry: Facts<UpstreamTry> = {
  addr: (one) => one.address,
  server_name: (one) => one.serverName,
  // After an internal redirect to another group: ":" in place of "," in the variables.
  starts_group: (one) => one.startsGroup,
  status: (one) => (one.status === 0 ? null : one.status),
  queue_time: (one) => seconds(one.queueTime),
  connect_time: (one) => seconds(one.connectTime),
  header_time: (one) => seconds(one.headerTime),
  response_time: (one) => seconds(one.responseTime),
  response_length: (one) => one.responseLength,
  bytes_sent: (one) => one.bytesSent,
  bytes_received: (one) => one.bytesReceived,
  ssl_verify: (one) =>
    one.tlsFailure === null ? (one.tls?.verify ?? null) : `FAILED:${one.tlsFailure}`,
};

/** `ssl` of such an element; null without TLS, or before the handshake. */
export const jsonTryTls: Facts<UpstreamTlsFacts> = {
  protocol: (facts) => facts.protocol,
  cipher: (facts) => facts.cipher,
  curve: (facts) => facts.curve,
  reused: (facts) => facts.reused,
  subject: (facts) => facts.subject,
  issuer: (facts) => facts.issuer,
  serial: (facts) => facts.serial,
  sans: (facts) => facts.sans,
  not_before: (facts) => facts.notBefore,
  expires: (facts) => facts.notAfter,
  ocsp: (facts) => facts.ocsp,
  fingerprint: (facts) => facts.fingerprint,
};

function seconds(ms: number): number | null {
  return ms < 0 ? null : ms / 1000;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7e) return false;
  return true;
}

function writeText(line: LineBuffer, text: string): void {
  line.text('"');
  // What is not UTF-8 would make the whole line unreadable for who parses it.
  const readable = isAscii(text) || isUtf8(Buffer.from(text, 'latin1'));
  line.escaped(text, readable ? jsonTable : jsonBytesTable);
  line.text('"');
}

function writeValue(line: LineBuffer, value: Value): void {
  if (value === null || value === '') line.text('null');
  else if (typeof value === 'string') writeText(line, value);
  else line.text(String(value));
}

// `"name":` with what separates it from the field before.
function prefixesOf(names: readonly string[]): readonly string[] {
  return names.map((name, i) => `${i === 0 ? '' : ','}"${name}":`);
}

type Write<T> = (line: LineBuffer, of: T) => void;

function factsWriter<T>(facts: Facts<T>): Write<T> {
  const prefixes = prefixesOf(Object.keys(facts));
  const readers = Object.values(facts);
  return (line, of) => {
    for (let i = 0; i < readers.length; i += 1) {
      line.text(prefixes[i] ?? '');
      writeValue(line, readers[i]?.(of) ?? null);
    }
  };
}

const writeClientTls = factsWriter(jsonClientTls);
const writeTry = factsWriter(jsonTry);
const writeTryTls = factsWriter(jsonTryTls);

function writeObject<T>(line: LineBuffer, of: T | null, write: Write<T>): void {
  if (of === null) {
    line.text('null');
    return;
  }
  line.text('{');
  write(line, of);
  line.text('}');
}

function writeTries(line: LineBuffer, tries: readonly UpstreamTry[] | null): void {
  line.text('[');
  if (tries !== null) {
    for (let i = 0; i < tries.length; i += 1) {
      const one = tries[i];
      if (one === undefined) continue;
      line.text(i === 0 ? '{' : ',{');
      writeTry(line, one);
      line.text(',"ssl":');
      writeObject(line, one.tls, writeTryTls);
      line.text('}');
    }
  }
  line.text(']');
}

// A number that a client sent may be written in ways that JSON does not know.
function toNumber(text: string | null): number | null {
  if (text === null || text === '') return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** The writer of a line, with its newline. */
export function compileJsonFormat(
  variables: VariableTable,
): (x: Exchange, line: LineBuffer) => void {
  const prefixes = prefixesOf(jsonVariables.map(({ name }) => name));
  const getters: readonly Getter[] = jsonVariables.map(
    ({ name }) => variables.find(name) ?? ((): null => null),
  );
  const numeric = jsonVariables.map(({ kind }) => kind === 'number');
  return (x, line) => {
    line.text('{');
    for (let i = 0; i < getters.length; i += 1) {
      line.text(prefixes[i] ?? '');
      const value = getters[i]?.(x) ?? null;
      writeValue(line, numeric[i] === true ? toNumber(value) : value);
    }
    line.text(',"ssl":');
    writeObject(line, x.client.tls, writeClientTls);
    line.text(',"upstream":');
    writeTries(line, x.tries);
    line.text('}\n');
  };
}
