import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../base/errors.ts';
import { SallyportError } from '../base/errors.ts';
import type { UpstreamPhase } from './upstream-failure.ts';
import { classifyUpstreamError } from './upstream-failure.ts';
import { targetAt } from './upstream.test-kit.ts';

function nodeError(fields: { code: string; errno?: number; message?: string }): Error {
  return Object.assign(new Error(fields.message ?? fields.code), fields);
}

const refused = 'UPSTREAM_TLS_CLIENT_CERT_REFUSED';

const rows: readonly (readonly [code: string, phase: UpstreamPhase, expected: ErrorCode])[] = [
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'established', refused],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'handshake', refused],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'established', refused],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'handshake', refused],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'handshake', refused],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'established', refused],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'handshake', 'UPSTREAM_TLS_HANDSHAKE_REFUSED'],
  ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'handshake', 'UPSTREAM_TLS_HANDSHAKE_REFUSED'],
  ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'established', 'UPSTREAM_TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_SOMETHING_NEW', 'handshake', 'UPSTREAM_TLS_HANDSHAKE_FAILED'],
  ['UNSPECIFIED', 'handshake', 'UPSTREAM_TLS_UNTRUSTED'],
  ['CERT_REVOKED', 'handshake', 'UPSTREAM_TLS_UNTRUSTED'],
  ['ECONNRESET', 'handshake', 'UPSTREAM_TLS_HANDSHAKE_CLOSED'],
  ['ECONNRESET', 'established', 'UPSTREAM_RESET'],
  ['EPIPE', 'established', 'UPSTREAM_RESET'],
  ['EHOSTUNREACH', 'connect', 'UPSTREAM_CONNECT_FAILED'],
];

for (const [code, phase, expected] of rows) {
  test(`${code} in phase ${phase} is ${expected}`, () => {
    const error = classifyUpstreamError(nodeError({ code }), phase, targetAt(1));
    assert.equal(error.code, expected);
  });
}

test('system errors are written as the C library writes them', () => {
  const texts = [-111, -113, -110].map((errno) => {
    return classifyUpstreamError(nodeError({ code: 'E', errno }), 'connect', targetAt(1)).message;
  });
  assert.deepEqual(texts, [
    'connect() failed (111: Connection refused)',
    'connect() failed (113: No route to host)',
    'connect() failed (110: Connection timed out)',
  ]);
});

test('the detail of an unspecified verdict is kept', () => {
  const failure = nodeError({ code: 'UNSPECIFIED', message: 'EE certificate key too weak' });
  const error = classifyUpstreamError(failure, 'handshake', targetAt(1));
  assert.match(error.message, /EE certificate key too weak \(UNSPECIFIED\)/);
});

test('an error that is classified already stays what it is', () => {
  const error = new SallyportError('UPSTREAM_TLS_EXPIRED', 'x');
  assert.equal(classifyUpstreamError(error, 'established', targetAt(1)), error);
});
