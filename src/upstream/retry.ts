// The one place that decides whether a request goes to another server (nginx: proxy_next_upstream).
// A failure becomes a condition, conditions are bits, and the rules below are asked in order.

import { errorRows, type ErrorCode } from '../base/errors.ts';
import type { Outcome } from './balancer.ts';

/** One condition that the configuration may name. */
export interface ConditionRow {
  readonly name: string;
  readonly bit: number;
  readonly help: string;
}

function condition(name: string, position: number, help: string): ConditionRow {
  return { name, bit: 1 << position, help };
}

/** The conditions by name. `off` is no condition but the empty mask. */
export const conditions = {
  error: condition('error', 0, 'Connecting, sending or reading the response head failed.'),
  timeout: condition('timeout', 1, 'Connecting, sending or reading took too long.'),
  invalidHeader: condition('invalid_header', 2, 'The response head was empty or malformed.'),
  http500: condition('http_500', 3, 'The server answered 500.'),
  http502: condition('http_502', 4, 'The server answered 502.'),
  http503: condition('http_503', 5, 'The server answered 503.'),
  http504: condition('http_504', 6, 'The server answered 504.'),
  http403: condition('http_403', 7, 'The server answered 403; not counted as its failure.'),
  http404: condition('http_404', 8, 'The server answered 404; not counted as its failure.'),
  http429: condition('http_429', 9, 'The server answered 429.'),
  nonIdempotent: condition(
    'non_idempotent',
    10,
    'Also send POST, LOCK and PATCH again after they were sent to a server.',
  ),
} as const;

/** In the order of the reference page. */
export const conditionRows: readonly ConditionRow[] = Object.values(conditions);

/** What is retried where nothing is configured: `error timeout`. */
export const defaultConditions: number = conditions.error.bit | conditions.timeout.bit;

const transportBits = conditions.error.bit | conditions.timeout.bit | conditions.invalidHeader.bit;
const harmlessBits = conditions.http403.bit | conditions.http404.bit;

/** Errors without a row are never retried: verification failures and defects of this proxy. */
const bitOfCode: Readonly<Partial<Record<ErrorCode, number>>> = {
  UPSTREAM_CONNECT_FAILED: conditions.error.bit,
  UPSTREAM_RESET: conditions.error.bit,
  UPSTREAM_CLOSED_EARLY: conditions.error.bit,
  UPSTREAM_TLS_SESSION_STALE: conditions.error.bit,
  UPSTREAM_TLS_HANDSHAKE_REFUSED: conditions.error.bit,
  UPSTREAM_TLS_PROTOCOL_MISMATCH: conditions.error.bit,
  UPSTREAM_TLS_NOT_TLS: conditions.error.bit,
  UPSTREAM_TLS_HANDSHAKE_CLOSED: conditions.error.bit,
  UPSTREAM_TLS_HANDSHAKE_FAILED: conditions.error.bit,
  UPSTREAM_CONNECT_TIMEOUT: conditions.timeout.bit,
  UPSTREAM_SEND_TIMEOUT: conditions.timeout.bit,
  UPSTREAM_READ_TIMEOUT: conditions.timeout.bit,
  UPSTREAM_INVALID_RESPONSE: conditions.invalidHeader.bit,
  UPSTREAM_HEADER_TOO_LARGE: conditions.invalidHeader.bit,
};

const bitOfStatus: Readonly<Partial<Record<number, number>>> = {
  403: conditions.http403.bit,
  404: conditions.http404.bit,
  429: conditions.http429.bit,
  500: conditions.http500.bit,
  502: conditions.http502.bit,
  503: conditions.http503.bit,
  504: conditions.http504.bit,
};

/** What ended an attempt: an error, or the status of a complete response head. */
export type Failure = ErrorCode | number;

/** What is known when an attempt has ended. The caller keeps one record and fills it anew. */
export interface RetryState {
  /** Bits of `conditions`; 0 is `off`. */
  conditions: number;
  /** Of the request, as received: case matters (RFC 9110, 9.1). */
  method: string;
  /** Has any byte of the request been handed to this attempt's connection? */
  requestSent: boolean;
  /** Can the request body not be sent again because it was not buffered? */
  bodyLost: boolean;
  /** Did this attempt receive any byte of a response? */
  responseBytes: boolean;
  /** Has any byte of an answer been sent to the client? */
  answerStarted: boolean;
  /** Did the connection come from a pool? */
  reusedConnection: boolean;
  /** Attempts on further servers that are still allowed. */
  triesLeft: number;
  /** Milliseconds until no further attempt may begin; Infinity for no limit. */
  timeLeft: number;
}

/**
 * What to do next. `same-fresh`: again to the same peer on a newly opened connection; nothing is
 * reported to the balancer and no try is used up. `next`: report, then pick another peer.
 */
export type RetryDecision = 'next' | 'same-fresh' | 'stop';

/** nginx's list: everything else may be sent twice. */
/** Must a request of this method not be sent twice unasked? As nginx sees it. */
export function isNonIdempotent(method: string): boolean {
  return method === 'POST' || method === 'LOCK' || method === 'PATCH';
}

/** The bit of a failure; 0 where it is never retried. */
export function conditionOf(failure: Failure): number {
  return (typeof failure === 'number' ? bitOfStatus[failure] : bitOfCode[failure]) ?? 0;
}

/**
 * Decides whether a request whose attempt has failed is tried again. The first rule that applies:
 *
 * 0. A TLS session that was withdrawn while it was being resumed: once more with a full handshake,
 *    whatever is configured. Nothing was sent, and it says nothing about the server. So too a pooled
 *    connection that turns out to be closed, or to hold bytes nobody asked for, before anything was
 *    sent on it.
 * 1. Verification failures, and statuses that no condition names, are final (design: a TLS
 *    verification failure is never hidden by asking another server).
 * 2. Once the client has a byte of an answer there is no other.
 * 3. A condition that is not configured is final; so is a POST, LOCK or PATCH that was sent, unless
 *    `non_idempotent` is configured; so is a body that cannot be sent again.
 * 4. After `proxy_next_upstream_timeout` nothing is tried any more.
 * 5. A pooled connection that dies without a byte of response was most likely closed by the server
 *    while the request was on its way: once more, on a fresh connection.
 * 6. Otherwise another server, as long as tries are left.
 */
export function mayTryNext(failure: Failure, state: RetryState): RetryDecision {
  if (failure === 'UPSTREAM_TLS_SESSION_STALE') return 'same-fresh';
  if (state.reusedConnection && !state.requestSent) return 'same-fresh';
  const bit = conditionOf(failure);
  if (bit === 0 || state.answerStarted) return 'stop';
  let wanted = bit;
  if (state.requestSent) {
    if (state.bodyLost) return 'stop';
    if (isNonIdempotent(state.method)) wanted |= conditions.nonIdempotent.bit;
  }
  if ((state.conditions & wanted) !== wanted || state.timeLeft <= 0) return 'stop';
  const stale = state.reusedConnection && bit === conditions.error.bit && !state.responseBytes;
  if (stale) return 'same-fresh';
  return state.triesLeft > 0 ? 'next' : 'stop';
}

/**
 * Did a server turn out not to be the one that was meant? That is a matter between it and the
 * policy of a location (refusals.ts): others may well take it.
 */
export function isRefusal(failure: Failure): boolean {
  return (
    typeof failure !== 'number' &&
    failure.startsWith('UPSTREAM_TLS_') &&
    errorRows[failure].retry === 'no'
  );
}

/**
 * What a failed attempt says about its peer. Errors, timeouts and malformed heads always count; a
 * status counts only where it made the request go to another server, and 403 and 404 never do. A
 * server that was refused is not reported: see `isRefusal`.
 */
export function outcomeOf(failure: Failure, decision: RetryDecision): Outcome {
  if (decision === 'same-fresh') return 'neutral';
  if (typeof failure !== 'number') return isPeerFailure(failure) ? 'failed' : 'neutral';
  const bit = conditionOf(failure);
  return decision === 'next' && (bit & harmlessBits) === 0 ? 'failed' : 'ok';
}

function isPeerFailure(code: ErrorCode): boolean {
  return (conditionOf(code) & transportBits) !== 0;
}
