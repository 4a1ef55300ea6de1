// The rows of everything that TLS towards an upstream server can fail with. The client gets 502 and
// no word of it; the log gets everything.

import type { ErrorFacts, LogLevel, RetryAdvice } from './error-row.ts';

function row(retry: RetryAdvice, help: string, level: LogLevel = 'error'): ErrorFacts {
  return { source: 'upstream', retry, status: 502, level, help };
}

/** What says that the server is not the one that was meant (retry `no`), and what came before. */
export const upstreamTlsErrorRows = {
  UPSTREAM_TLS_NAME_MISMATCH: row(
    'no',
    'The certificate of an upstream server is not for the name that was to be verified.',
  ),
  UPSTREAM_TLS_SAN_MISMATCH: row(
    'no',
    'The certificate of an upstream server has none of the names that proxy_ssl_san lists.',
  ),
  UPSTREAM_TLS_PIN_MISMATCH: row(
    'no',
    'No key in the certificate chain of an upstream server is one of the pinned ones.',
  ),
  UPSTREAM_TLS_UNKNOWN_ISSUER: row(
    'no',
    'The certificate chain of an upstream server does not end at a trusted CA.',
  ),
  UPSTREAM_TLS_SELF_SIGNED: row(
    'no',
    'An upstream server presented a self-signed certificate that is not trusted.',
  ),
  UPSTREAM_TLS_EXPIRED: row('no', 'A certificate of an upstream server has expired.'),
  UPSTREAM_TLS_NOT_YET_VALID: row('no', 'A certificate of an upstream server is not valid yet.'),
  UPSTREAM_TLS_DEPTH_EXCEEDED: row(
    'no',
    'The certificate chain of an upstream server is longer than proxy_ssl_verify_depth.',
  ),
  UPSTREAM_TLS_WRONG_PURPOSE: row(
    'no',
    'The certificate of an upstream server may not be used for a TLS server.',
  ),
  UPSTREAM_TLS_INVALID_CA: row(
    'no',
    'The certificate of an upstream server was issued by a certificate that is no CA.',
  ),
  UPSTREAM_TLS_PATH_LENGTH_EXCEEDED: row(
    'no',
    'A CA in the chain of an upstream server may not have that many CAs below it.',
  ),
  UPSTREAM_TLS_NAME_CONSTRAINT: row(
    'no',
    'A CA in the chain of an upstream server may not issue for the names in its certificate.',
  ),
  UPSTREAM_TLS_WEAK_KEY: row(
    'no',
    'A key in the certificate chain of an upstream server is too weak.',
  ),
  UPSTREAM_TLS_WEAK_SIGNATURE: row(
    'no',
    'A certificate of an upstream server is signed with a digest that is too weak.',
  ),
  UPSTREAM_TLS_REVOKED: row(
    'no',
    'A certificate of an upstream server has been revoked, by a CRL or by OCSP.',
  ),
  UPSTREAM_TLS_CRL_MISSING: row(
    'no',
    'There is no CRL of a CA in the certificate chain of an upstream server.',
  ),
  UPSTREAM_TLS_CRL_EXPIRED: row(
    'no',
    'A CRL that the certificate of an upstream server is checked against is not of this time.',
  ),
  UPSTREAM_TLS_OCSP_MISSING: row(
    'no',
    'An upstream server sent no OCSP response where one is required.',
  ),
  UPSTREAM_TLS_OCSP_INVALID: row(
    'no',
    'The OCSP response that an upstream server sent does not prove that its certificate is good.',
  ),
  UPSTREAM_TLS_KEY_MISMATCH: row(
    'no',
    'An upstream server could not prove that it has the key of its certificate.',
  ),
  UPSTREAM_TLS_UNTRUSTED: row(
    'no',
    'The certificate chain of an upstream server was refused for another reason, which is given.',
  ),
  UPSTREAM_TLS_CLIENT_CERT_REFUSED: row(
    'no',
    'An upstream server demands a client certificate, or refused the one presented.',
  ),
  UPSTREAM_TLS_SESSION_STALE: row(
    'if-resumed',
    'An upstream server resumed a TLS session whose verification had just ceased to count.',
    'info',
  ),
  UPSTREAM_TLS_HANDSHAKE_REFUSED: row(
    'yes',
    'An upstream server refused the TLS handshake; the message names its alert.',
  ),
  UPSTREAM_TLS_PROTOCOL_MISMATCH: row(
    'yes',
    'An upstream server speaks none of the TLS versions of proxy_ssl_protocols.',
  ),
  UPSTREAM_TLS_NOT_TLS: row(
    'yes',
    'An upstream server answered the TLS handshake with something else than TLS.',
  ),
  UPSTREAM_TLS_HANDSHAKE_CLOSED: row(
    'yes',
    'An upstream server closed the connection within the TLS handshake.',
  ),
  UPSTREAM_TLS_HANDSHAKE_FAILED: row(
    'yes',
    'The TLS handshake with an upstream server, or the connection after it, failed otherwise.',
  ),
} as const satisfies Record<string, ErrorFacts>;
