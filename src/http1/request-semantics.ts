// What the field lines of a request mean for its framing, its connection and its host, once they
// are known to be well-formed. What contradicts itself is refused (RFC 9112 3.2, 6.3, 11.2).

import {
  ConnectionOption,
  equalsIgnoringCase,
  isNeededField,
  listElements,
  readConnection,
} from './connection.ts';
import { parseContentLength } from './content-length.ts';
import { FieldId } from './field-id.ts';
import type { HeadReader } from './head-reader.ts';
import { HeadResult } from './head-result.ts';
import { isHostPort, sameHost } from './host.ts';
import type { RequestHead } from './request-head.ts';
import { defaultPortOf } from './request-target.ts';
import { isToken } from './text.ts';

/** Most options of Connection but close and keep-alive. No client has more than a few. */
const mostOptions = 50;

// Interpreting never yields, so one serves all connections of a thread.
const tokens: string[] = [];

/**
 * Works out host, framing and persistence from `head.fields`.
 *
 * @param reader - gets the error
 * @returns 1, or a negative `HeadResult`
 */
export function interpretRequest(head: RequestHead, reader: HeadReader): number {
  const { ids, values } = head.fields;
  let hosts = 0;
  let hostAt = 0;
  let options = 0;
  if (tokens.length !== 0) tokens.length = 0;
  for (let i = 0; i < ids.length; i += 1) {
    const value = values[i] as string;
    let error = '';
    switch (ids[i]) {
      case FieldId.host:
        hosts += 1;
        hostAt = i;
        break;
      case FieldId.connection:
        options |= readConnection(value, tokens);
        break;
      case FieldId.contentLength:
        error = noteContentLength(head, value);
        break;
      case FieldId.transferEncoding:
        if (!head.chunked && !equalsIgnoringCase(value, 'chunked'))
          return otherCoding(head, value, reader);
        error = noteChunked(head);
        break;
      case FieldId.expect:
        // Any of HTTP/1.0 is ignored (RFC 9110 10.1.1).
        if (head.version === 10) break;
        if (!noteExpectation(head, value)) {
          reader.error = 'expectation other than 100-continue';
          return HeadResult.expectationFailed;
        }
        break;
      case FieldId.upgrade:
        head.upgrade = head.upgrade === null ? value : `${head.upgrade}, ${value}`;
        break;
      default:
        break;
    }
    if (error !== '') return refuse(reader, error);
  }
  if (head.chunked && head.contentLength >= 0) {
    return refuse(reader, 'both Transfer-Encoding and Content-Length');
  }
  const verdict = applyConnection(head, options, reader);
  if (verdict < 0) return verdict;
  return applyHost(head, hosts, hosts > 0 ? (values[hostAt] as string) : '', reader);
}

function refuse(reader: HeadReader, what: string): number {
  reader.error = what;
  return HeadResult.badRequest;
}

function noteContentLength(head: RequestHead, value: string): string {
  if (head.contentLength >= 0) return 'several Content-Length fields';
  head.contentLength = parseContentLength(value);
  return head.contentLength < 0 ? 'invalid Content-Length' : '';
}

function noteChunked(head: RequestHead): string {
  if (head.chunked) return 'several Transfer-Encoding fields';
  head.chunked = true;
  // A 1.0 sender that names a coding it cannot know is one whose framing is not to be trusted
  // (RFC 9112 6.1).
  return head.version === 10 ? 'Transfer-Encoding in HTTP/1.0' : '';
}

/**
 * A Transfer-Encoding that is not simply "chunked". Codings under a final chunked would be a matter
 * of understanding them; without it nobody knows where the body ends (RFC 9112 6.1, 6.3).
 */
function otherCoding(head: RequestHead, value: string, reader: HeadReader): number {
  if (head.version === 10) return refuse(reader, 'Transfer-Encoding in HTTP/1.0');
  const codings = listElements(value);
  if (!codings.every(isToken)) return refuse(reader, 'invalid Transfer-Encoding');
  if (codings.indexOf('chunked') !== codings.length - 1) {
    return refuse(reader, 'chunked is not the one final transfer coding');
  }
  reader.error = 'transfer coding other than chunked';
  return HeadResult.notImplemented;
}

/** Is 100-continue all that is expected? Empty elements count as nothing. */
function noteExpectation(head: RequestHead, value: string): boolean {
  for (const element of listElements(value)) {
    if (element === '100-continue') head.expectContinue = true;
    else if (element !== '') return false;
  }
  return true;
}

function applyConnection(head: RequestHead, options: number, reader: HeadReader): number {
  const asked = options & (ConnectionOption.close | ConnectionOption.keepAlive);
  head.keepAlive =
    head.version === 11
      ? (asked & ConnectionOption.close) === 0
      : asked === ConnectionOption.keepAlive;
  if ((options & ConnectionOption.upgrade) === 0 || head.version === 10) head.upgrade = null;
  if (tokens.length === 0) return 1;
  if ((options & ConnectionOption.malformed) !== 0)
    return refuse(reader, 'invalid Connection field');
  // Each field of the request is looked for among them.
  if (tokens.length > mostOptions) return refuse(reader, 'too many options in Connection');
  for (const token of tokens) {
    if (isNeededField(token))
      return refuse(reader, 'Connection names a field that must not be removed');
  }
  head.connectionTokens = tokens.slice();
  return 1;
}

/** Exactly one Host, valid, and at one with the target's authority (RFC 9112 3.2, 3.2.2). */
function applyHost(head: RequestHead, count: number, value: string, reader: HeadReader): number {
  if (count === 0) return head.version === 10 ? 1 : refuse(reader, 'no Host field');
  if (count > 1) return refuse(reader, 'several Host fields');
  if (!isHostPort(value)) return refuse(reader, 'invalid Host field');
  if (head.host === null) {
    head.host = value;
  } else if (!sameHost(head.host, value, defaultPortOf(head))) {
    reader.error = 'Host differs from the host in the request target';
    return HeadResult.hostConflict;
  }
  return 1;
}
