// The verdicts of OpenSSL's chain verification by the names that Node gives them: OpenSSL's own
// words (nginx puts them in `$ssl_client_verify` after `FAILED:`), our error code, and what mends it
// where the certificate is an upstream's.

import type { ErrorCode } from '../base/errors.ts';

/** One verdict. */
export interface VerifyErrorRow {
  readonly code: ErrorCode;
  /** OpenSSL's text for it. Empty: the error's own message has the detail. */
  readonly text: string;
  /** What an operator can do; `{issuer}` is the name of the issuer that is missing. */
  readonly mend: string;
}

function row(code: ErrorCode, text: string, mend: string): VerifyErrorRow {
  return { code, text, mend };
}

const trustIssuer =
  'if this CA is to be trusted, add the certificate of "{issuer}" to the file of ' +
  'proxy_ssl_trusted_certificate';
const renew = "renew the upstream's certificate (and check this machine's clock)";
const reissue = "the upstream's certificate must be issued anew";
const crl = 'renew the list in the file of proxy_ssl_crl';
const crlForEach =
  'with proxy_ssl_crl each CA of the chain, the root included, needs a list: add the missing one';

const rows = {
  DEPTH_ZERO_SELF_SIGNED_CERT: row(
    'UPSTREAM_TLS_SELF_SIGNED',
    'self-signed certificate',
    'if exactly this certificate is to be trusted, make it the content of the file of ' +
      'proxy_ssl_trusted_certificate',
  ),
  SELF_SIGNED_CERT_IN_CHAIN: row(
    'UPSTREAM_TLS_UNKNOWN_ISSUER',
    'self-signed certificate in certificate chain',
    trustIssuer,
  ),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: row(
    'UPSTREAM_TLS_UNKNOWN_ISSUER',
    'unable to get local issuer certificate',
    trustIssuer,
  ),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: row(
    'UPSTREAM_TLS_UNKNOWN_ISSUER',
    'unable to verify the first certificate',
    `${trustIssuer}; if "{issuer}" is an intermediate CA, the upstream must send its certificate`,
  ),
  UNABLE_TO_GET_ISSUER_CERT: row(
    'UPSTREAM_TLS_UNKNOWN_ISSUER',
    'unable to get issuer certificate',
    trustIssuer,
  ),
  CERT_UNTRUSTED: row('UPSTREAM_TLS_UNKNOWN_ISSUER', 'certificate not trusted', trustIssuer),
  CERT_HAS_EXPIRED: row('UPSTREAM_TLS_EXPIRED', 'certificate has expired', renew),
  CERT_NOT_YET_VALID: row('UPSTREAM_TLS_NOT_YET_VALID', 'certificate is not yet valid', renew),
  INVALID_PURPOSE: row(
    'UPSTREAM_TLS_WRONG_PURPOSE',
    'unsuitable certificate purpose',
    "the upstream's certificate must be issued anew, for servers: extended key usage serverAuth",
  ),
  INVALID_CA: row(
    'UPSTREAM_TLS_INVALID_CA',
    'invalid CA certificate',
    'each issuer in the chain must be a CA: basicConstraints CA:TRUE, key usage keyCertSign',
  ),
  PATH_LENGTH_EXCEEDED: row(
    'UPSTREAM_TLS_PATH_LENGTH_EXCEEDED',
    'path length constraint exceeded',
    'a CA in the chain allows fewer CAs below it (pathlen of its basicConstraints): ' + reissue,
  ),
  CERT_CHAIN_TOO_LONG: row(
    'UPSTREAM_TLS_DEPTH_EXCEEDED',
    'certificate chain too long',
    'raise proxy_ssl_verify_depth',
  ),
  CERT_REVOKED: row('UPSTREAM_TLS_REVOKED', 'certificate revoked', reissue),
  CERT_SIGNATURE_FAILURE: row('UPSTREAM_TLS_UNTRUSTED', 'certificate signature failure', reissue),
  CERT_REJECTED: row('UPSTREAM_TLS_UNTRUSTED', 'certificate rejected', reissue),
  HOSTNAME_MISMATCH: row('UPSTREAM_TLS_NAME_MISMATCH', 'hostname mismatch', 'set proxy_ssl_name'),
  UNABLE_TO_GET_CRL: row('UPSTREAM_TLS_CRL_MISSING', 'unable to get certificate CRL', crlForEach),
  CRL_HAS_EXPIRED: row('UPSTREAM_TLS_CRL_EXPIRED', 'CRL has expired', crl),
  CRL_NOT_YET_VALID: row(
    'UPSTREAM_TLS_CRL_EXPIRED',
    'CRL is not yet valid',
    "check this machine's clock, and the list in the file of proxy_ssl_crl",
  ),
  CRL_SIGNATURE_FAILURE: row('UPSTREAM_TLS_UNTRUSTED', 'CRL signature failure', crl),
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: row(
    'UPSTREAM_TLS_UNTRUSTED',
    "unable to decrypt certificate's signature",
    reissue,
  ),
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: row(
    'UPSTREAM_TLS_UNTRUSTED',
    "unable to decrypt CRL's signature",
    crl,
  ),
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: row(
    'UPSTREAM_TLS_UNTRUSTED',
    'unable to decode issuer public key',
    reissue,
  ),
  ERROR_IN_CERT_NOT_BEFORE_FIELD: row(
    'UPSTREAM_TLS_UNTRUSTED',
    "format error in certificate's notBefore field",
    reissue,
  ),
  ERROR_IN_CERT_NOT_AFTER_FIELD: row(
    'UPSTREAM_TLS_UNTRUSTED',
    "format error in certificate's notAfter field",
    reissue,
  ),
  ERROR_IN_CRL_LAST_UPDATE_FIELD: row(
    'UPSTREAM_TLS_UNTRUSTED',
    "format error in CRL's lastUpdate field",
    crl,
  ),
  ERROR_IN_CRL_NEXT_UPDATE_FIELD: row(
    'UPSTREAM_TLS_UNTRUSTED',
    "format error in CRL's nextUpdate field",
    crl,
  ),
  OUT_OF_MEM: row('UPSTREAM_TLS_UNTRUSTED', 'out of memory', 'give the machine more memory'),
  // All that Node has no name for: see the texts below.
  UNSPECIFIED: row('UPSTREAM_TLS_UNTRUSTED', '', reissue),
} as const satisfies Record<string, VerifyErrorRow>;

const biggerKey =
  'the key must be made anew, RSA of 2048 bits at least or P-256; @SECLEVEL in the string of ' +
  'proxy_ssl_ciphers decides what passes';
const betterDigest =
  'the certificate must be issued anew and signed with SHA-256; @SECLEVEL in the string of ' +
  'proxy_ssl_ciphers decides what passes';
const otherNames =
  "the upstream's certificate may have only names that its CAs are allowed (nameConstraints)";

/** What Node calls UNSPECIFIED, by OpenSSL's text. */
const unnamed = {
  weakLeafKey: row('UPSTREAM_TLS_WEAK_KEY', 'EE certificate key too weak', biggerKey),
  weakCaKey: row('UPSTREAM_TLS_WEAK_KEY', 'CA certificate key too weak', biggerKey),
  weakDigest: row(
    'UPSTREAM_TLS_WEAK_SIGNATURE',
    'CA signature digest algorithm too weak',
    betterDigest,
  ),
  notPermitted: row('UPSTREAM_TLS_NAME_CONSTRAINT', 'permitted subtree violation', otherNames),
  excluded: row('UPSTREAM_TLS_NAME_CONSTRAINT', 'excluded subtree violation', otherNames),
  constraintLimits: row(
    'UPSTREAM_TLS_NAME_CONSTRAINT',
    'name constraints minimum and maximum not supported',
    otherNames,
  ),
  constraintType: row(
    'UPSTREAM_TLS_NAME_CONSTRAINT',
    'unsupported name constraint type',
    otherNames,
  ),
  constraintSyntax: row(
    'UPSTREAM_TLS_NAME_CONSTRAINT',
    'unsupported or invalid name constraint syntax',
    otherNames,
  ),
  noCertSign: row(
    'UPSTREAM_TLS_INVALID_CA',
    'key usage does not include certificate signing',
    rows.INVALID_CA.mend,
  ),
} as const satisfies Record<string, VerifyErrorRow>;

const byText: ReadonlyMap<string, VerifyErrorRow> = new Map(
  Object.values(unnamed).map((one) => [one.text, one]),
);

/** One verdict that Node has no name for. */
export type UnnamedVerdict = keyof typeof unnamed;

/** The row of such a verdict. */
export function unnamedRow(verdict: UnnamedVerdict): VerifyErrorRow {
  return unnamed[verdict];
}

/** The row of what Node calls UNSPECIFIED, by OpenSSL's own text for it. */
export function unspecifiedRow(text: string): VerifyErrorRow {
  return byText.get(text) ?? { ...rows.UNSPECIFIED, text };
}

const byName: ReadonlyMap<string, VerifyErrorRow> = new Map(Object.entries(rows));

/** The row of a verdict by Node's name for it, null where the name is not one of a verdict. */
export function verifyErrorRow(name: string): VerifyErrorRow | null {
  return byName.get(name) ?? null;
}

/** OpenSSL's words for a verdict; the name itself where there are none. */
export function verifyErrorText(name: string): string {
  const text = byName.get(name)?.text ?? '';
  return text === '' ? 'certificate verification failed' : text;
}

/**
 * The verdicts that `ssl_verify_client optional_no_ca` lets through: only the issuer is unknown, or
 * beyond the depth, where OpenSSL stops and does not find it
 * (nginx: ngx_ssl_verify_error_optional).
 */
export function isUnknownIssuerOnly(name: string): boolean {
  return (
    name === 'DEPTH_ZERO_SELF_SIGNED_CERT' ||
    name === 'SELF_SIGNED_CERT_IN_CHAIN' ||
    name === 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' ||
    name === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' ||
    name === 'CERT_CHAIN_TOO_LONG'
  );
}
