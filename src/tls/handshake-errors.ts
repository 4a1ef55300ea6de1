// Failures of the TLS protocol itself towards an upstream: alerts that it sent, and what OpenSSL
// found wrong with its bytes. One row each: error code, what happened, what mends it.

import type { ErrorCode } from '../base/errors.ts';
import type { FailureText } from './failure-text.ts';

/** One kind of failure. */
export type HandshakeErrorRow = FailureText;

function row(code: ErrorCode, what: string, mend: string): HandshakeErrorRow {
  return { code, what, mend };
}

const anotherCertificate =
  'set proxy_ssl_certificate and proxy_ssl_certificate_key to a pair that the upstream accepts';
const protocols =
  'proxy_ssl_protocols, proxy_ssl_ciphers and proxy_ssl_groups must each share something with the ' +
  'upstream';
const plain =
  'the upstream does not speak TLS on this port: correct the port, or use http:// in proxy_pass';

function refused(what: string): HandshakeErrorRow {
  return row('UPSTREAM_TLS_CLIENT_CERT_REFUSED', `the upstream ${what}`, anotherCertificate);
}

/** Alerts by OpenSSL's name for them, without the version that precedes it. */
const alerts = {
  CERTIFICATE_REQUIRED: refused('demands a client certificate'),
  BAD_CERTIFICATE: refused('refused the client certificate as bad'),
  UNSUPPORTED_CERTIFICATE: refused('does not support the type of the client certificate'),
  CERTIFICATE_REVOKED: refused('says that the client certificate is revoked'),
  CERTIFICATE_EXPIRED: refused('says that the client certificate has expired'),
  CERTIFICATE_UNKNOWN: refused('refused the client certificate'),
  UNKNOWN_CA: refused('does not know the issuer of the client certificate'),
  ACCESS_DENIED: refused('denies access to the client certificate'),
  NO_CERTIFICATE: refused('demands a client certificate'),
  HANDSHAKE_FAILURE: row(
    'UPSTREAM_TLS_HANDSHAKE_REFUSED',
    'the upstream found no common parameters, or demands a client certificate',
    `${protocols}; if it demands a client certificate, set proxy_ssl_certificate`,
  ),
  INSUFFICIENT_SECURITY: row(
    'UPSTREAM_TLS_HANDSHAKE_REFUSED',
    'the upstream demands stronger ciphers',
    protocols,
  ),
  PROTOCOL_VERSION: row(
    'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    'the upstream speaks none of the protocol versions offered',
    'extend proxy_ssl_protocols by what the upstream speaks',
  ),
  UNRECOGNIZED_NAME: row(
    'UPSTREAM_TLS_HANDSHAKE_REFUSED',
    'the upstream does not know the server name that was sent (SNI)',
    'set proxy_ssl_name to a name that it serves',
  ),
} as const satisfies Record<string, HandshakeErrorRow>;

const noKey = row(
  'UPSTREAM_TLS_KEY_MISMATCH',
  "the signature of the handshake was not made with the key of the upstream's certificate",
  'give the upstream the key that belongs to its certificate; if it is right, somebody on the way ' +
    'is changing the handshake',
);

/** What OpenSSL says of the upstream's bytes, by its reason. */
const reasons = {
  WRONG_VERSION_NUMBER: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  PACKET_LENGTH_TOO_LONG: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  DATA_LENGTH_TOO_LONG: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  RECORD_LAYER_FAILURE: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  BAD_RECORD_TYPE: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  HTTP_REQUEST: row('UPSTREAM_TLS_NOT_TLS', 'the answer is plain HTTP', plain),
  UNSUPPORTED_PROTOCOL: row(
    'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    'the upstream chose a protocol version that is not allowed here',
    'extend proxy_ssl_protocols by what the upstream speaks',
  ),
  NO_PROTOCOLS_AVAILABLE: row(
    'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    'no protocol version is left to offer',
    'correct proxy_ssl_protocols',
  ),
  BAD_SIGNATURE: noKey,
  PROVIDER_SIGNATURE_FAILURE: noKey,
  // What is under the signature of a wrong RSA key is random, and so is the first thing wrong in it.
  FIRST_OCTET_INVALID: noKey,
  SALT_LENGTH_RECOVERY_FAILED: noKey,
  SALT_LENGTH_CHECK_FAILED: noKey,
  PADDING_CHECK_FAILED: noKey,
  BAD_FIXED_HEADER_DECRYPT: noKey,
  NULL_BEFORE_BLOCK_MISSING: noKey,
  BAD_PAD_BYTE_COUNT: noKey,
  INVALID_HEADER: noKey,
  DATA_TOO_LARGE: noKey,
  LAST_OCTET_INVALID: noKey,
  INVALID_PADDING: noKey,
  INVALID_TRAILER: noKey,
  BLOCK_TYPE_IS_NOT_01: noKey,
  DATA_TOO_LARGE_FOR_MODULUS: noKey,
  SLEN_RECOVERY_FAILED: noKey,
  SLEN_CHECK_FAILED: noKey,
  WRONG_SIGNATURE_TYPE: noKey,
  WRONG_SIGNATURE_LENGTH: noKey,
  DH_KEY_TOO_SMALL: row(
    'UPSTREAM_TLS_WEAK_KEY',
    "the upstream's Diffie-Hellman parameters are too small",
    'give the upstream larger parameters',
  ),
  UNSAFE_LEGACY_RENEGOTIATION_DISABLED: row(
    'UPSTREAM_TLS_HANDSHAKE_FAILED',
    'the upstream lacks secure renegotiation (RFC 5746)',
    'update the upstream',
  ),
} as const satisfies Record<string, HandshakeErrorRow>;

/**
 * Servers of TLS 1.2 that miss a client certificate say no more than that the handshake failed. Once
 * they have shown their own certificate, protocol and cipher were agreed on.
 */
export const missingClientCertificate: HandshakeErrorRow = refused('demands a client certificate');

/** Is it the alert that has several meanings? */
export function isHandshakeFailureAlert(row: HandshakeErrorRow): boolean {
  return row === alerts.HANDSHAKE_FAILURE;
}

/** The peer closed or reset before the handshake was done. */
export const closedInHandshake: HandshakeErrorRow = row(
  'UPSTREAM_TLS_HANDSHAKE_CLOSED',
  'peer closed connection in SSL handshake',
  'see why in the log of the upstream: it may not speak TLS on this port, speak none of ' +
    'proxy_ssl_protocols, not know the server name, or demand a client certificate ' +
    '(proxy_ssl_certificate)',
);

/** The handshake was done, and then a record could not be read. */
export const brokenConnection: HandshakeErrorRow = row(
  'UPSTREAM_TLS_HANDSHAKE_FAILED',
  'SSL failure on an established connection',
  'see the log of the upstream; something on the way may be changing bytes',
);

/** Every other failure of the handshake. */
export const otherHandshakeError: HandshakeErrorRow = row(
  'UPSTREAM_TLS_HANDSHAKE_FAILED',
  'SSL handshake failed',
  `see the log of the upstream; ${protocols}`,
);

/** Every alert without a row of its own. */
const refusedHandshake: HandshakeErrorRow = row(
  'UPSTREAM_TLS_HANDSHAKE_REFUSED',
  'the upstream refused the handshake',
  `see the log of the upstream; ${protocols}`,
);

/** OpenSSL leaves the word out of the names of some, and writes one otherwise than the RFCs. */
const oddAlerts: ReadonlyMap<string, string> = new Map([
  ['TLSV1_UNRECOGNIZED_NAME', 'unrecognized_name'],
  ['TLSV1_UNSUPPORTED_EXTENSION', 'unsupported_extension'],
  ['TLSV1_CERTIFICATE_UNOBTAINABLE', 'certificate_unobtainable'],
  ['TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE', 'bad_certificate_status_response'],
  ['TLSV1_BAD_CERTIFICATE_HASH_VALUE', 'bad_certificate_hash_value'],
  ['TLSV1_ALERT_USER_CANCELLED', 'user_canceled'],
]);

const alertRows: ReadonlyMap<string, HandshakeErrorRow> = new Map(Object.entries(alerts));
const reasonRows: ReadonlyMap<string, HandshakeErrorRow> = new Map(Object.entries(reasons));

/** A failure, and the alert that told of it, by its name in the RFCs; null where it was none. */
export interface HandshakeError {
  readonly row: HandshakeErrorRow;
  /** `handshake_failure` */
  readonly alert: string | null;
}

/**
 * What an error code of Node (`ERR_SSL_…`) means; null where it is no alert and no row fits.
 *
 * OpenSSL names alerts by the version that defined them (`SSLV3_ALERT_BAD_CERTIFICATE`,
 * `TLSV1_ALERT_UNKNOWN_CA`, `SSL/TLS_ALERT_HANDSHAKE_FAILURE`) and has changed its mind about some.
 */
export function handshakeError(code: string): HandshakeError | null {
  const reason = code.replace(/^ERR_SSL_/, '');
  const known = reasonRows.get(reason);
  const alert = alertName(reason);
  if (known !== undefined) return { row: known, alert };
  if (alert === null) return null;
  return { row: alertRows.get(alert.toUpperCase()) ?? refusedHandshake, alert };
}

function alertName(reason: string): string | null {
  const odd = oddAlerts.get(reason);
  if (odd !== undefined) return odd;
  const name = /^(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_ALERT_(.+)$/.exec(reason)?.[1];
  return name?.toLowerCase() ?? null;
}
