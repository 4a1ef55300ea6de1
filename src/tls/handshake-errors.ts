// Failures of the TLS protocol itself towards an upstream: alerts that it sent, and what OpenSSL
// found wrong with its bytes. One row each: error code, what happened, what mends it.

import type { ErrorCode } from '../base/errors.ts';

/** One kind of failure. */
export interface HandshakeErrorRow {
  readonly code: ErrorCode;
  readonly what: string;
  readonly mend: string;
}

function row(code: ErrorCode, what: string, mend: string): HandshakeErrorRow {
  return { code, what, mend };
}

const anotherCertificate =
  'set proxy_ssl_certificate and proxy_ssl_certificate_key to a pair that the upstream accepts';
const protocols =
  'proxy_ssl_protocols and proxy_ssl_ciphers must share something with the upstream';
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

/** What OpenSSL says of the upstream's bytes, by its reason. */
const reasons = {
  WRONG_VERSION_NUMBER: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  PACKET_LENGTH_TOO_LONG: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  RECORD_LAYER_FAILURE: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  BAD_RECORD_TYPE: row('UPSTREAM_TLS_NOT_TLS', 'the answer is not TLS', plain),
  HTTP_REQUEST: row('UPSTREAM_TLS_NOT_TLS', 'the answer is plain HTTP', plain),
  TLSV1_UNRECOGNIZED_NAME: alerts.UNRECOGNIZED_NAME,
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

const alertRows: ReadonlyMap<string, HandshakeErrorRow> = new Map(Object.entries(alerts));
const reasonRows: ReadonlyMap<string, HandshakeErrorRow> = new Map(Object.entries(reasons));

/**
 * The row of an error code of Node (`ERR_SSL_…`); null where none fits.
 *
 * OpenSSL names alerts by the version that defined them (`SSLV3_ALERT_BAD_CERTIFICATE`,
 * `TLSV1_ALERT_UNKNOWN_CA`, `SSL/TLS_ALERT_HANDSHAKE_FAILURE`) and has changed its mind about some.
 */
export function handshakeErrorRow(code: string): HandshakeErrorRow | null {
  const reason = code.replace(/^ERR_SSL_/, '');
  const known = reasonRows.get(reason);
  if (known !== undefined) return known;
  const alert = /^(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_ALERT_(.+)$/.exec(reason)?.[1];
  return alert === undefined ? null : (alertRows.get(alert) ?? null);
}
