// How long is the body of a message? RFC 9112 6.3, after the head parsers have refused whatever is
// ambiguous.

import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** Kinds of body framing. */
export const Framing = {
  none: 0,
  /** `contentLength` bytes; may be 0. */
  length: 1,
  chunked: 2,
  /** Up to the close of the connection: responses only. */
  close: 3,
} as const;

/** @returns none, length or chunked */
export function requestFraming(head: RequestHead): number {
  if (head.chunked) return Framing.chunked;
  return head.contentLength >= 0 ? Framing.length : Framing.none;
}

/**
 * A 2xx answer to CONNECT and 101 begin a tunnel: that is for the caller to see first.
 *
 * @param requestMethod - a response to HEAD has no body whatever its fields say
 */
export function responseFraming(head: ResponseHead, requestMethod: string): number {
  const status = head.status;
  if (status < 200 || status === 204 || status === 304 || requestMethod === 'HEAD') {
    return Framing.none;
  }
  if (head.chunked) return Framing.chunked;
  return head.contentLength >= 0 ? Framing.length : Framing.close;
}
