// From the bytes of a client's connection to a request head, strictly as RFC 9112 asks: what two
// parsers could read in two ways is refused, since this proxy sits between two parsers.
//
// Where nginx is laxer we differ on purpose: bare LF, several spaces in the request line, a field
// line without colon, odd hosts.

import { Char, methodClasses } from './char-class.ts';
import { readFieldLines } from './field-lines.ts';
import { Fields } from './fields.ts';
import { boundOfHead, HeadReader } from './head-reader.ts';
import { HeadResult } from './head-result.ts';
import { interpretRequest } from './request-semantics.ts';
import { readTarget } from './request-target.ts';

export { HeadResult } from './head-result.ts';

/** Bounds and rules for request heads, from the server's configuration. */
export interface RequestHeadLimits {
  /** Longest request line and longest field line, CRLF included (large_client_header_buffers). */
  readonly lineBytes: number;
  /** Longest head: number times size of large_client_header_buffers. */
  readonly totalBytes: number;
  /** Most field lines. */
  readonly maxFields: number;
  /** Names with "_" are valid (underscores_in_headers). */
  readonly underscores: boolean;
  /**
   * Fields whose name is a token but has characters other than letters, digits, "-" (and "_" where
   * `underscores` is set) are left out (ignore_invalid_headers); false: they are kept.
   */
  readonly ignoreInvalid: boolean;
}

/** The four forms of a request target (RFC 9112 3.2). */
export type TargetForm = 'origin' | 'absolute' | 'authority' | 'asterisk';

/**
 * A request head. One object serves a connection: `parseRequestHead` overwrites all of it, so
 * `reset` is needed only to let go of memory. After a negative result `fields` is empty, `error` is
 * set, and `method` and `target` are what was understood, possibly "".
 */
export class RequestHead {
  method: string;
  /** The request target as received, "#" and what follows included. */
  target: string;
  form: TargetForm;
  /** The target's path as received, "/" where it is empty, "*" in asterisk form, "" for CONNECT. */
  path: string;
  /** What follows "?", without it. */
  query: string;
  hasQuery: boolean;
  /** 10 or 11; a higher minor version counts as 1.1. */
  version: 10 | 11;
  readonly fields: Fields;
  /** The target's authority, else Host, as received with its port; null if there is neither. */
  host: string | null;
  /** -1 without Content-Length. */
  contentLength: number;
  chunked: boolean;
  /** The client allows another request on this connection. */
  keepAlive: boolean;
  expectContinue: boolean;
  /** Value of Upgrade, where Connection names it and the version is 1.1. */
  upgrade: string | null;
  /** Options of Connection but close and keep-alive, in lower case; null if there are none. */
  connectionTokens: string[] | null;
  /** For the log: what was wrong and where. Never holds bytes of the request. */
  error: string;
  /** Length of the head with the empty line, and empty lines before it, in bytes. */
  bytes: number;

  constructor() {
    this.method = '';
    this.target = '';
    this.form = 'origin';
    this.path = '';
    this.query = '';
    this.hasQuery = false;
    this.version = 11;
    this.fields = new Fields();
    this.host = null;
    this.contentLength = -1;
    this.chunked = false;
    this.keepAlive = false;
    this.expectContinue = false;
    this.upgrade = null;
    this.connectionTokens = null;
    this.error = '';
    this.bytes = 0;
  }

  /** As new. */
  reset(): void {
    this.method = '';
    this.target = '';
    this.form = 'origin';
    this.path = '';
    this.query = '';
    this.hasQuery = false;
    this.version = 11;
    this.fields.clear();
    this.error = '';
    this.bytes = 0;
    forget(this);
  }
}

/** Sets what follows from the target and the field lines. */
function forget(head: RequestHead): void {
  head.host = null;
  head.contentLength = -1;
  head.chunked = false;
  head.keepAlive = false;
  head.expectContinue = false;
  head.upgrade = null;
  head.connectionTokens = null;
}

// Parsing never yields, so one serves all connections of a thread.
const reader = new HeadReader('as ruled');

/**
 * Reads one request head from input[start..end).
 *
 * @returns the offset just after the head, which then is in `head`; 0 (`HeadResult.incomplete`) if
 *   more bytes are needed: keep the bytes and call again with the same start; or a negative
 *   `HeadResult`, with `head.error` saying why, as early as the bytes there make it certain
 */
export function parseRequestHead(
  input: Buffer,
  start: number,
  end: number,
  head: RequestHead,
  limits: RequestHeadLimits,
): number {
  let begin = start;
  // An empty line or two before the request line are left over from a body (RFC 9112 2.2).
  for (let skipped = 0; skipped < 2 && begin + 1 < end; skipped += 1) {
    if (input[begin] !== Char.cr || input[begin + 1] !== Char.lf) break;
    begin += 2;
  }
  const bound = boundOfHead(input, begin, end);
  reader.base = begin;
  let result: number;
  if (bound === 0) {
    result = checkBeginning(input, begin, end, limits);
  } else {
    reader.open(input, begin, bound);
    result = readHead(head, limits);
    reader.close();
    if (result - start > limits.totalBytes) {
      result = reader.fail(HeadResult.fieldTooLarge, 'request head too long', result);
    }
  }
  if (result > 0) {
    head.bytes = result - start;
  } else if (result < 0) {
    if (bound === 0) head.reset();
    head.fields.clear();
    head.error = reader.error;
  }
  return result;
}

/** What can be said of a head that has not come completely: too long already, or hopeless? */
function checkBeginning(
  input: Buffer,
  begin: number,
  end: number,
  limits: RequestHeadLimits,
): number {
  if (begin === end) return HeadResult.incomplete;
  const first = input[begin] as number;
  // Anything but a method, such as a TLS record: the empty line might never come.
  const isEmptyLine = first === Char.cr && begin + 1 === end;
  if (methodClasses[first] === 0 && !isEmptyLine) return reader.bad('invalid method', begin);
  const lf = input.indexOf(Char.lf, begin);
  const lineEnd = lf < 0 || lf >= end ? end : lf;
  if (lineEnd - begin >= limits.lineBytes) {
    return reader.fail(HeadResult.uriTooLong, 'request line too long', begin);
  }
  if (lineEnd === end) return HeadResult.incomplete;
  if (input[lf - 1] !== Char.cr) return reader.bad('bare LF', lf);
  if (end - begin >= limits.totalBytes) {
    return reader.fail(HeadResult.fieldTooLarge, 'request head too long', begin);
  }
  if (end - begin < limits.lineBytes) return HeadResult.incomplete;
  const lastLine = input.lastIndexOf(Char.lf, end - 1) + 1;
  if (end - lastLine < limits.lineBytes) return HeadResult.incomplete;
  return reader.fail(HeadResult.fieldTooLarge, 'field line too long', lastLine);
}

function readHead(head: RequestHead, limits: RequestHeadLimits): number {
  forget(head);
  head.method = '';
  head.target = '';
  head.error = '';
  const lineEnd = readRequestLine(head, limits);
  if (lineEnd < 0) return lineEnd;
  reader.position = lineEnd;
  const end = readFieldLines(reader, head.fields, limits);
  if (end < 0) return end;
  const verdict = interpretRequest(head, reader);
  return verdict < 0 ? verdict : end;
}

/** By first letter. */
const usualMethods: readonly string[] = Array.from(
  { length: 256 },
  (_, code) =>
    ['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE'].find((m) => m.charCodeAt(0) === code) ?? '',
);

function readRequestLine(head: RequestHead, limits: RequestHeadLimits): number {
  const input = reader.input;
  const start = reader.position;
  let at = start;
  while (methodClasses[input[at] as number] === 1) at += 1;
  if (at === start || input[at] !== Char.space) return reader.bad('invalid method', at);
  head.method = reader.cutUsual(start, at, usualMethods[input[start] as number] ?? '');
  reader.position = at + 1;
  const targetEnd = readTarget(reader, head);
  if (targetEnd < 0) return targetEnd;
  const end = readVersion(head, targetEnd + 1);
  if (end > 0 && end - start > limits.lineBytes) {
    return reader.fail(HeadResult.uriTooLong, 'request line too long', start);
  }
  return end;
}

/** "HTTP/" DIGIT "." DIGIT CRLF at `at`. */
function readVersion(head: RequestHead, at: number): number {
  const input = reader.input;
  const wellFormed =
    input[at] === 0x48 &&
    input[at + 1] === 0x54 &&
    input[at + 2] === 0x54 &&
    input[at + 3] === 0x50 &&
    input[at + 4] === Char.slash &&
    isDigit(input[at + 5]) &&
    input[at + 6] === 0x2e &&
    isDigit(input[at + 7]) &&
    input[at + 8] === Char.cr &&
    input[at + 9] === Char.lf;
  if (!wellFormed) return reader.bad('invalid protocol version or end of request line', at);
  const major = (input[at + 5] as number) - Char.zero;
  if (major === 0) return reader.bad('invalid protocol version', at);
  if (major > 1) {
    return reader.fail(HeadResult.versionUnsupported, 'unsupported protocol version', at);
  }
  head.version = input[at + 7] === Char.zero ? 10 : 11;
  return at + 10;
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= Char.zero && code <= Char.nine;
}
