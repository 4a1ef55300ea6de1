// The retry decision, rule by rule, with the defaults of nginx as the starting point.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorRows, type ErrorCode } from '../base/errors.ts';
import {
  conditionOf,
  conditionRows,
  conditions,
  defaultConditions,
  mayTryNext,
  isRefusal,
  outcomeOf,
  type RetryState,
} from './retry.ts';

const all = conditionRows.reduce((mask, row) => mask | row.bit, 0);

function state(change: Partial<RetryState> = {}): RetryState {
  return {
    conditions: defaultConditions,
    method: 'GET',
    requestSent: true,
    bodyLost: false,
    responseBytes: false,
    answerStarted: false,
    reusedConnection: false,
    triesLeft: 1,
    timeLeft: Infinity,
    ...change,
  };
}

const codes = Object.keys(errorRows) as ErrorCode[];

test('by default errors and timeouts go to the next server, the rest does not', () => {
  const next = codes.filter((code) => mayTryNext(code, state()) === 'next');
  assert.deepEqual(next, [
    'UPSTREAM_CONNECT_FAILED',
    'UPSTREAM_CONNECT_TIMEOUT',
    'UPSTREAM_SEND_TIMEOUT',
    'UPSTREAM_READ_TIMEOUT',
    'UPSTREAM_CLOSED_EARLY',
    'UPSTREAM_RESET',
    'UPSTREAM_TLS_HANDSHAKE_REFUSED',
    'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    'UPSTREAM_TLS_NOT_TLS',
    'UPSTREAM_TLS_HANDSHAKE_CLOSED',
    'UPSTREAM_TLS_HANDSHAKE_FAILED',
  ]);
  for (const status of [403, 404, 429, 500, 502, 503, 504]) {
    assert.equal(mayTryNext(status, state()), 'stop');
  }
});

test('a verification failure is final whatever is configured', () => {
  const verification = codes.filter(
    (code) => code.startsWith('UPSTREAM_TLS_') && errorRows[code].retry === 'no',
  );
  assert.ok(verification.length >= 9);
  for (const code of verification) {
    const open = state({ conditions: all, reusedConnection: true, triesLeft: 9 });
    assert.equal(mayTryNext(code, open), 'stop', code);
    // It is booked with the location, not with the balancer that others share.
    assert.equal(outcomeOf(code, 'stop'), 'neutral', code);
    assert.equal(isRefusal(code), true, code);
  }
});

test('a failure of the connection is no refusal', () => {
  const others = codes.filter((code) => errorRows[code].retry !== 'no');
  for (const failure of [...others, 502, 403, 'CLIENT_ABORTED'] as const) {
    assert.equal(isRefusal(failure), false, String(failure));
  }
  assert.equal(outcomeOf('UPSTREAM_TLS_HANDSHAKE_CLOSED', 'next'), 'failed');
});

test('what the table retries agrees with the retry advice of the error rows', () => {
  for (const code of codes) {
    const advised = errorRows[code].retry !== 'no';
    assert.equal(conditionOf(code) !== 0, advised, code);
  }
});

test('each status is retried exactly where its condition is configured', () => {
  const names = new Map(conditionRows.map((row) => [row.name, row.bit]));
  for (const status of [403, 404, 429, 500, 502, 503, 504]) {
    const bit = names.get(`http_${status}`) ?? 0;
    assert.notEqual(bit, 0);
    assert.equal(mayTryNext(status, state({ conditions: bit })), 'next');
    assert.equal(mayTryNext(status, state({ conditions: all & ~bit })), 'stop');
  }
  assert.equal(mayTryNext(501, state({ conditions: all })), 'stop');
  assert.equal(mayTryNext(200, state({ conditions: all })), 'stop');
});

test('every condition has a bit of its own', () => {
  assert.equal(new Set(conditionRows.map((row) => row.bit)).size, conditionRows.length);
});

test('POST, LOCK and PATCH are not sent twice, unless non_idempotent is configured', () => {
  const nonIdempotent = defaultConditions | conditions.nonIdempotent.bit;
  for (const method of ['POST', 'LOCK', 'PATCH']) {
    assert.equal(mayTryNext('UPSTREAM_RESET', state({ method })), 'stop');
    assert.equal(
      mayTryNext('UPSTREAM_CONNECT_FAILED', state({ method, requestSent: false })),
      'next',
    );
    const allowed = state({ method, conditions: nonIdempotent });
    assert.equal(mayTryNext('UPSTREAM_RESET', allowed), 'next');
  }
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
    assert.equal(mayTryNext('UPSTREAM_RESET', state({ method })), 'next');
  }
});

test('a pooled connection that dies unanswered is replaced once by a fresh one', () => {
  const stale = { reusedConnection: true, triesLeft: 0 };
  for (const code of ['UPSTREAM_RESET', 'UPSTREAM_CLOSED_EARLY'] as const) {
    assert.equal(mayTryNext(code, state(stale)), 'same-fresh');
    assert.equal(mayTryNext(code, state({ ...stale, reusedConnection: false })), 'stop');
  }
  assert.equal(outcomeOf('UPSTREAM_RESET', 'same-fresh'), 'neutral');
});

test('a session that was withdrawn costs no request, whatever is configured', () => {
  const code = 'UPSTREAM_TLS_SESSION_STALE';
  const strict = { method: 'POST', requestSent: false, conditions: 0, triesLeft: 0, timeLeft: 0 };
  assert.equal(mayTryNext(code, state(strict)), 'same-fresh');
  assert.equal(outcomeOf(code, 'same-fresh'), 'neutral');
});

test('a pooled connection is not replaced where the request may have had an effect', () => {
  const stale = { reusedConnection: true };
  assert.equal(mayTryNext('UPSTREAM_RESET', state({ ...stale, method: 'POST' })), 'stop');
  assert.equal(mayTryNext('UPSTREAM_RESET', state({ ...stale, bodyLost: true })), 'stop');
  assert.equal(mayTryNext('UPSTREAM_RESET', state({ ...stale, responseBytes: true })), 'next');
  assert.equal(mayTryNext('UPSTREAM_READ_TIMEOUT', state(stale)), 'next');
  assert.equal(mayTryNext('UPSTREAM_RESET', state({ ...stale, conditions: 0 })), 'stop');
});

test('an answer that has begun, a lost body, no tries or no time end it', () => {
  const changes: Partial<RetryState>[] = [
    { answerStarted: true },
    { bodyLost: true },
    { triesLeft: 0 },
    { timeLeft: 0 },
    { conditions: 0 },
  ];
  for (const change of changes) {
    assert.equal(
      mayTryNext('UPSTREAM_READ_TIMEOUT', state(change)),
      'stop',
      JSON.stringify(change),
    );
  }
  const unsent = state({ bodyLost: true, requestSent: false });
  assert.equal(mayTryNext('UPSTREAM_CONNECT_FAILED', unsent), 'next');
});

test('a status counts as a failure only where it was passed on, 403 and 404 never', () => {
  assert.equal(outcomeOf(503, 'next'), 'failed');
  assert.equal(outcomeOf(503, 'stop'), 'ok');
  assert.equal(outcomeOf(403, 'next'), 'ok');
  assert.equal(outcomeOf(404, 'next'), 'ok');
  assert.equal(outcomeOf(200, 'stop'), 'ok');
});

test('errors of the peer count against it even where nothing is retried, others do not', () => {
  assert.equal(outcomeOf('UPSTREAM_READ_TIMEOUT', 'stop'), 'failed');
  assert.equal(outcomeOf('UPSTREAM_INVALID_RESPONSE', 'stop'), 'failed');
  assert.equal(outcomeOf('CLIENT_ABORTED', 'stop'), 'neutral');
  assert.equal(outcomeOf('INTERNAL', 'stop'), 'neutral');
});

test('a pooled connection that fails before anything was sent is replaced, whatever is asked', () => {
  for (const code of ['UPSTREAM_INVALID_RESPONSE', 'UPSTREAM_RESET'] as const) {
    const unsent = state({
      conditions: 0,
      method: 'POST',
      requestSent: false,
      responseBytes: true,
      reusedConnection: true,
    });
    assert.equal(mayTryNext(code, unsent), 'same-fresh');
    assert.equal(mayTryNext(code, { ...unsent, requestSent: true }), 'stop');
    assert.equal(mayTryNext(code, { ...unsent, reusedConnection: false }), 'stop');
  }
});
