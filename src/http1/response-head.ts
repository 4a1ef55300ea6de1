// From the bytes of an upstream connection to a response head, as strictly as requests: a response
// that two parsers could frame in two ways ends the connection instead of reaching a client.

import { Char, valueClasses } from './char-class.ts';
import { ConnectionOption, equalsIgnoringCase, readConnection } from './connection.ts';
import { parseContentLength } from './content-length.ts';
import { FieldId } from './field-id.ts';
import type { FieldLineRules } from './field-lines.ts';
import { readFieldLines } from './field-lines.ts';
import { Fields } from './fields.ts';
import { boundOfHead, HeadReader } from './head-reader.ts';
import { HeadResult } from './head-result.ts';
import { reasonPhrase } from './status.ts';

/**
 * A response head. `parseResponseHead` overwrites all of it, so `reset` is needed only to let go of
 * memory. After a negative result it is as new, but for `error`.
 */
export class ResponseHead {
  /** 100 to 999. */
  status: number;
  /** As received, possibly empty. */
  reason: string;
  version: 10 | 11;
  readonly fields: Fields;
  /** -1 without Content-Length. */
  contentLength: number;
  chunked: boolean;
  /** The server allows another request on this connection, if the body's framing does. */
  keepAlive: boolean;
  /** Value of Upgrade, where Connection names it and the version is 1.1. */
  upgrade: string | null;
  /** Options of Connection but close and keep-alive, in lower case; null if there are none. */
  connectionTokens: string[] | null;
  /** For the log: what was wrong and where. Never holds bytes of the response. */
  error: string;
  /** Length of the head with the empty line, in bytes. */
  bytes: number;

  constructor() {
    this.status = 0;
    this.reason = '';
    this.version = 11;
    this.fields = new Fields();
    this.contentLength = -1;
    this.chunked = false;
    this.keepAlive = false;
    this.upgrade = null;
    this.connectionTokens = null;
    this.error = '';
    this.bytes = 0;
  }

  /** As new. */
  reset(): void {
    this.status = 0;
    this.reason = '';
    this.version = 11;
    this.fields.clear();
    this.error = '';
    this.bytes = 0;
    forget(this);
  }
}

/** Sets what follows from the field lines. */
function forget(head: ResponseHead): void {
  head.contentLength = -1;
  head.chunked = false;
  head.keepAlive = false;
  head.upgrade = null;
  head.connectionTokens = null;
}

// Parsing never yields, so one of each serves all connections of a thread.
const reader = new HeadReader('any token');
const tokens: string[] = [];
// The limit on the whole head bounds lines and their number.
const rules: FieldLineRules = {
  lineBytes: Number.MAX_SAFE_INTEGER,
  maxFields: Number.MAX_SAFE_INTEGER,
  underscores: true,
  ignoreInvalid: false,
};

/**
 * Reads one response head from input[start..end).
 *
 * @param limit - longest head in bytes (proxy_buffer_size)
 * @returns the offset just after the head, which then is in `head`; 0 (`HeadResult.incomplete`) if
 *   more bytes are needed: keep the bytes and call again with the same start; or a negative
 *   `HeadResult`, with `head.error` saying why, as early as the bytes there make it certain
 */
export function parseResponseHead(
  input: Buffer,
  start: number,
  end: number,
  head: ResponseHead,
  limit: number,
): number {
  const bound = boundOfHead(input, start, end);
  reader.base = start;
  let result: number;
  if (bound === 0) {
    result = checkBeginning(input, start, end, limit);
  } else {
    reader.open(input, start, bound);
    result = readHead(head);
    reader.close();
    if (result - start > limit) result = tooLong(result);
  }
  if (result > 0) {
    head.bytes = result - start;
  } else if (result < 0) {
    head.reset();
    head.error = reader.error;
  }
  return result;
}

function tooLong(at: number): number {
  return reader.fail(HeadResult.fieldTooLarge, 'response head too long', at);
}

/** What can be said of a head that has not come completely: too long already, or no HTTP at all? */
function checkBeginning(input: Buffer, start: number, end: number, limit: number): number {
  const known = Math.min(end - start, httpVersion1.length);
  for (let i = 0; i < known; i += 1) {
    if (input[start + i] !== httpVersion1[i]) return reader.bad('invalid status line', start + i);
  }
  // A server that ends lines with LF would otherwise be waited for until the read timeout.
  let lf = input.indexOf(Char.lf, start);
  while (lf >= 0 && lf < end) {
    if (lf > start && input[lf - 1] !== Char.cr) return reader.bad('bare LF', lf);
    lf = input.indexOf(Char.lf, lf + 1);
  }
  return end - start >= limit ? tooLong(end) : HeadResult.incomplete;
}

const httpVersion1 = Buffer.from('HTTP/1.', 'latin1');

function readHead(head: ResponseHead): number {
  forget(head);
  head.error = '';
  const lineEnd = readStatusLine(head);
  if (lineEnd < 0) return lineEnd;
  reader.position = lineEnd;
  const end = readFieldLines(reader, head.fields, rules);
  if (end < 0) return end;
  const error = interpret(head);
  if (error === '') return end;
  reader.error = error;
  return HeadResult.badRequest;
}

/** "HTTP/1." ( "0" / "1" ) SP 3DIGIT [ SP [ reason ] ] CRLF */
function readStatusLine(head: ResponseHead): number {
  const input = reader.input;
  const start = reader.base;
  for (let i = 0; i < httpVersion1.length; i += 1) {
    if (input[start + i] !== httpVersion1[i]) return reader.bad('invalid status line', start + i);
  }
  let at = start + httpVersion1.length;
  const minor = (input[at] as number) - Char.zero;
  if (minor !== 0 && minor !== 1) return reader.bad('invalid protocol version', at);
  if (input[at + 1] !== Char.space) return reader.bad('invalid status line', at + 1);
  head.version = minor === 1 ? 11 : 10;
  at += 2;
  let status = 0;
  for (const end = at + 3; at < end; at += 1) {
    const digit = (input[at] as number) - Char.zero;
    if (!(digit >= 0 && digit <= 9)) return reader.bad('invalid status code', at);
    status = status * 10 + digit;
  }
  if (status < 100) return reader.bad('invalid status code', at);
  head.status = status;
  // Some servers leave out the space where there is no reason; it is part of the grammar.
  if (input[at] === Char.space) at += 1;
  else if (input[at] !== Char.cr) return reader.bad('invalid status code', at);
  const reasonStart = at;
  while (valueClasses[input[at] as number] === 1) at += 1;
  if (input[at] !== Char.cr || input[at + 1] !== Char.lf) {
    return reader.bad('control character in status line', at);
  }
  head.reason = reader.cutUsual(reasonStart, at, reasonPhrase(status));
  return at + 2;
}

/** Works out framing and persistence from the field lines; returns what is wrong, or "". */
function interpret(head: ResponseHead): string {
  const { ids, values } = head.fields;
  let options = 0;
  if (tokens.length !== 0) tokens.length = 0;
  for (let i = 0; i < ids.length; i += 1) {
    const value = values[i] as string;
    switch (ids[i]) {
      case FieldId.connection:
        options |= readConnection(value, tokens);
        break;
      case FieldId.contentLength:
        if (head.contentLength >= 0) return 'several Content-Length fields';
        head.contentLength = parseContentLength(value);
        if (head.contentLength < 0) return 'invalid Content-Length';
        break;
      case FieldId.transferEncoding:
        if (head.chunked) return 'several Transfer-Encoding fields';
        if (head.version === 10) return 'Transfer-Encoding in HTTP/1.0';
        if (!equalsIgnoringCase(value, 'chunked')) return 'transfer coding other than chunked';
        head.chunked = true;
        break;
      case FieldId.upgrade:
        head.upgrade = head.upgrade === null ? value : `${head.upgrade}, ${value}`;
        break;
      default:
        break;
    }
  }
  applyConnection(head, options);
  if (head.chunked && head.contentLength >= 0) return 'both Transfer-Encoding and Content-Length';
  const bodiless = head.status < 200 || head.status === 204;
  return bodiless && (head.chunked || head.contentLength > 0) ? promisesBody(head) : '';
}

// 1xx and 204 have no body, and must not say that they have one (RFC 9110, 8.6; RFC 9112, 6.1). Behind
// an interim answer that does, what follows could be its body or the next answer. A 204 is whole, but
// what may follow it must not become the answer to another request.
function promisesBody(head: ResponseHead): string {
  head.keepAlive = false;
  return head.status === 204 ? '' : 'interim response with a body';
}

function applyConnection(head: ResponseHead, options: number): void {
  // What cannot be understood may have meant close.
  const close = (options & (ConnectionOption.close | ConnectionOption.malformed)) !== 0;
  const persistent = head.version === 11 || (options & ConnectionOption.keepAlive) !== 0;
  head.keepAlive = persistent && !close;
  if ((options & ConnectionOption.upgrade) === 0 || head.version === 10) head.upgrade = null;
  if (tokens.length !== 0) head.connectionTokens = tokens.slice();
}
