// What a head parser answers, and which error of the table each answer is.

import type { ErrorCode } from '../base/errors.ts';

/**
 * Results of `parseRequestHead` and `parseResponseHead` other than an offset. All negative ones are
 * final: the connection must be closed after the answer, since where the next message begins is
 * not known.
 */
export const HeadResult = {
  /** More bytes are needed. */
  incomplete: 0,
  /** Malformed, or of ambiguous framing: 400. */
  badRequest: -1,
  /** The request line is longer than the limit: 414. */
  uriTooLong: -2,
  /** A field line, the number of lines or the whole head exceeds its limit: 431. */
  fieldTooLarge: -3,
  /** A major version of HTTP other than 1: 505. */
  versionUnsupported: -4,
  /** A transfer coding other than chunked: 501. */
  notImplemented: -5,
  /** The authority in the request target and Host contradict each other: 400. */
  hostConflict: -6,
  /** An expectation other than 100-continue: 417. */
  expectationFailed: -7,
} as const;

export type HeadResultValue = (typeof HeadResult)[keyof typeof HeadResult];

/** The error row of a negative result of `parseRequestHead`. */
export function requestErrorCode(result: number): ErrorCode {
  switch (result) {
    case HeadResult.uriTooLong:
      return 'CLIENT_URI_TOO_LONG';
    case HeadResult.fieldTooLarge:
      return 'CLIENT_HEADER_TOO_LARGE';
    case HeadResult.versionUnsupported:
      return 'CLIENT_VERSION_UNSUPPORTED';
    case HeadResult.notImplemented:
      return 'CLIENT_NOT_IMPLEMENTED';
    case HeadResult.expectationFailed:
      return 'CLIENT_EXPECTATION_FAILED';
    default:
      return 'CLIENT_BAD_REQUEST';
  }
}

/** The error row of a negative result of `parseResponseHead`. */
export function responseErrorCode(result: number): ErrorCode {
  return result === HeadResult.fieldTooLarge
    ? 'UPSTREAM_HEADER_TOO_LARGE'
    : 'UPSTREAM_INVALID_RESPONSE';
}
