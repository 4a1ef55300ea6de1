// The head of a request to an upstream server: compiled once per location into a few operations,
// written anew for each request from what was understood, never from the client's bytes.

import type { Exchange } from '../exchange/exchange.ts';
import { FieldId, fieldIdCount, fieldIdOf } from '../http1/field-id.ts';
import { isFieldValue } from '../http1/text.ts';
import { hopByHop, isNamed } from './passed-fields.ts';
import type { HeaderEdit } from './proxy-settings.ts';

/** How the body goes upstream: bytes, -1 for chunked, -2 for no body. */
export const BodyFraming = { chunked: -1, none: -2 } as const;

type Operation =
  | { readonly kind: 'framing' }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'field';
      readonly name: string;
      readonly id: number;
      readonly value: (x: Exchange) => string;
    };

/** What a location adds to and takes from the client's fields. */
export interface UpstreamHeadTemplate {
  /** " HTTP/1.1\r\n". */
  readonly versionText: string;
  readonly operations: readonly Operation[];
  /** Known fields of the client that don't go upstream as they are. */
  readonly skipIds: Uint8Array;
  /** Others, by lower-case name. */
  readonly skipNames: ReadonlySet<string>;
  readonly passFields: boolean;
  /** The Upgrade that the configuration sends whatever the client asks; "" for none. */
  readonly ownUpgrade: string;
}

// Besides hop-by-hop fields, those that this proxy writes itself or answers for.
const alwaysSkipped = [
  ...hopByHop,
  FieldId.host,
  FieldId.contentLength,
  FieldId.expect,
  FieldId.http2Settings,
];

/**
 * @param edits - `proxy_set_header` lines in order, nginx's own (Host, Connection) added where the
 *   configuration has none
 */
export function compileUpstreamHead(options: {
  readonly edits: readonly HeaderEdit[];
  readonly httpVersion: 10 | 11;
  readonly passFields: boolean;
}): UpstreamHeadTemplate {
  const skipIds = new Uint8Array(fieldIdCount);
  for (const id of alwaysSkipped) skipIds[id] = 1;
  const skipNames = new Set<string>();
  const operations: Operation[] = [];
  let framed = false;
  let ownUpgrade = '';
  for (const edit of options.edits) {
    const id = fieldIdOf(edit.name);
    if (id === FieldId.other) skipNames.add(edit.name.toLowerCase());
    else skipIds[id] = 1;
    const constant = edit.value.constant ?? '';
    if (id === FieldId.upgrade && constant !== '') {
      if (carriesRequests(constant)) continue;
      ownUpgrade = constant;
    }
    if (id !== FieldId.contentLength && id !== FieldId.transferEncoding) {
      addOperation(operations, edit, id);
    } else if (!framed) {
      framed = true;
      operations.push({ kind: 'framing' });
    }
  }
  if (!framed) operations.push({ kind: 'framing' });
  return {
    versionText: options.httpVersion === 10 ? ' HTTP/1.0\r\n' : ' HTTP/1.1\r\n',
    operations,
    skipIds,
    skipNames,
    passFields: options.passFields,
    ownUpgrade,
  };
}

/**
 * May the answer be 101 to these protocols? Only to what the request as it went out has named
 * (RFC 9110, 7.8).
 *
 * @param chosen - Upgrade of the answer
 */
export function isOffered(template: UpstreamHeadTemplate, x: Exchange, chosen: string): boolean {
  const offered = protocolsOf(offeredUpgrade(template, x));
  return protocolsOf(chosen).every((protocol) => offered.includes(protocol));
}

/** Upgrade of the request as it went out; "" for none. */
export function offeredUpgrade(template: UpstreamHeadTemplate, x: Exchange): string {
  if (template.ownUpgrade !== '') return template.ownUpgrade;
  for (const operation of template.operations) {
    if (operation.kind !== 'field' || operation.id !== FieldId.upgrade) continue;
    if (fieldLine(operation, x) !== '') return operation.value(x);
  }
  return '';
}

function protocolsOf(value: string): string[] {
  return value.split(',').map((protocol) => protocol.trim().toLowerCase());
}

// An upgrade to cleartext HTTP/2, or to TLS (RFC 2817) or another HTTP, would carry requests past
// this proxy unseen.
function carriesRequests(value: string): boolean {
  return /\b(?:h2c?|tls|https?)\b/i.test(value);
}

function addOperation(operations: Operation[], edit: HeaderEdit, id: number): void {
  const { constant } = edit.value;
  if (constant === null) {
    const value = (x: Exchange): string => edit.value.evaluate(x);
    operations.push({ kind: 'field', name: edit.name, id, value });
    return;
  }
  if (constant === '') return;
  const text = `${edit.name}: ${constant}\r\n`;
  const last = operations.at(-1);
  if (last?.kind === 'text')
    operations[operations.length - 1] = { kind: 'text', text: last.text + text };
  else operations.push({ kind: 'text', text });
}

/**
 * Writes the head.
 *
 * @param line - method, space, path and query, already escaped
 * @param body - length of the body, or one of `BodyFraming`
 */
export function composeUpstreamHead(
  template: UpstreamHeadTemplate,
  x: Exchange,
  line: string,
  body: number,
): string {
  let head = line + template.versionText;
  for (const operation of template.operations) {
    if (operation.kind === 'text') head += operation.text;
    else head += operation.kind === 'field' ? fieldLine(operation, x) : framingLine(body);
  }
  if (template.passFields) head += clientFields(template, x);
  return `${head}\r\n`;
}

// Always as the body really goes out, whatever the configuration writes: a body with another length,
// or with none, would be the beginning of the next request.
function framingLine(body: number): string {
  if (body >= 0) return `Content-Length: ${body}\r\n`;
  return body === BodyFraming.chunked ? 'Transfer-Encoding: chunked\r\n' : '';
}

function fieldLine(
  operation: { name: string; id: number; value: (x: Exchange) => string },
  x: Exchange,
): string {
  const value = operation.value(x);
  if (value === '' || !isFieldValue(value)) return '';
  if (operation.id === FieldId.upgrade && !mayOffer(value, x)) return '';
  return `${operation.name}: ${value}\r\n`;
}

// Where the client asks for no upgrade none is possible: with HTTP/1.0, or where Connection does not
// name it (RFC 9110, 7.8), and in a subrequest. A server that switched would be refused.
function mayOffer(value: string, x: Exchange): boolean {
  return x.request.upgrade !== null && !carriesRequests(value);
}

function clientFields(template: UpstreamHeadTemplate, x: Exchange): string {
  const { names, values, ids } = x.request.fields;
  const { skipIds, skipNames } = template;
  const tokens = x.request.connectionTokens;
  let lines = '';
  for (let i = 0; i < names.length; i += 1) {
    const id = ids[i] ?? 0;
    if (id > 0 && skipIds[id] === 1) continue;
    const name = names[i] ?? '';
    if (id === FieldId.other || tokens !== null) {
      if (isNamed(name, skipNames, tokens)) continue;
    }
    lines += `${name}: ${values[i] ?? ''}\r\n`;
  }
  return lines;
}
