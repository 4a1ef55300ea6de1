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
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'established', 'UPSTREAM_TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_BAD_RECORD_TYPE', 'established', 'UPSTREAM_TLS_HANDSHAKE_FAILED'],
  ['ERR_SSL_SOMETHING_NEW', 'handshake', 'UPSTREAM_TLS_HANDSHAKE_FAILED'],
  ['UNSPECIFIED', 'handshake', 'UPSTREAM_TLS_UNTRUSTED'],
  ['CERT_REVOKED', 'handshake', 'UPSTREAM_TLS_REVOKED'],
  ['UNABLE_TO_GET_CRL', 'handshake', 'UPSTREAM_TLS_CRL_MISSING'],
  ['CRL_NOT_YET_VALID', 'handshake', 'UPSTREAM_TLS_CRL_EXPIRED'],
  ['PATH_LENGTH_EXCEEDED', 'handshake', 'UPSTREAM_TLS_PATH_LENGTH_EXCEEDED'],
  ['INVALID_CA', 'handshake', 'UPSTREAM_TLS_INVALID_CA'],
  ['ERR_SSL_BAD_SIGNATURE', 'handshake', 'UPSTREAM_TLS_KEY_MISMATCH'],
  ['ERR_SSL_WRONG_SIGNATURE_TYPE', 'handshake', 'UPSTREAM_TLS_KEY_MISMATCH'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'handshake', 'UPSTREAM_TLS_NOT_TLS'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'handshake', 'UPSTREAM_TLS_PROTOCOL_MISMATCH'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'handshake', 'UPSTREAM_TLS_PROTOCOL_MISMATCH'],
  ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'handshake', 'UPSTREAM_TLS_HANDSHAKE_REFUSED'],
  ['ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', 'handshake', 'UPSTREAM_TLS_HANDSHAKE_REFUSED'],
  ['ERR_SSL_DH_KEY_TOO_SMALL', 'handshake', 'UPSTREAM_TLS_WEAK_KEY'],
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

const unnamed: readonly (readonly [message: string, expected: ErrorCode])[] = [
  ['EE certificate key too weak', 'UPSTREAM_TLS_WEAK_KEY'],
  ['CA certificate key too weak', 'UPSTREAM_TLS_WEAK_KEY'],
  ['CA signature digest algorithm too weak', 'UPSTREAM_TLS_WEAK_SIGNATURE'],
  ['permitted subtree violation', 'UPSTREAM_TLS_NAME_CONSTRAINT'],
  ['excluded subtree violation', 'UPSTREAM_TLS_NAME_CONSTRAINT'],
  ['key usage does not include certificate signing', 'UPSTREAM_TLS_INVALID_CA'],
  ['unhandled critical extension', 'UPSTREAM_TLS_UNTRUSTED'],
];

for (const [message, expected] of unnamed) {
  test(`"${message}", for which Node has no name, is ${expected}`, () => {
    const failure = nodeError({ code: 'UNSPECIFIED', message });
    const error = classifyUpstreamError(failure, 'handshake', targetAt(1));
    assert.equal(error.code, expected);
    assert.ok(error.message.includes(`${message} (UNSPECIFIED)`), error.message);
  });
}

test('an alert is named as the RFCs name it, also one without a row', () => {
  const alerts = [
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'handshake_failure'],
    ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'unrecognized_name'],
    ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'internal_error'],
    ['ERR_SSL_TLSV1_UNSUPPORTED_EXTENSION', 'unsupported_extension'],
    ['ERR_SSL_TLSV1_ALERT_USER_CANCELLED', 'user_canceled'],
    ['ERR_SSL_TLSV13_ALERT_MISSING_EXTENSION', 'missing_extension'],
  ] as const;
  for (const [code, alert] of alerts) {
    const error = classifyUpstreamError(nodeError({ code }), 'handshake', targetAt(1));
    assert.ok(error.message.includes(`alert "${alert}"`), error.message);
  }
});

test('an error that is classified already stays what it is', () => {
  const error = new SallyportError('UPSTREAM_TLS_EXPIRED', 'x');
  assert.equal(classifyUpstreamError(error, 'established', targetAt(1)), error);
});
