// What logs and variables tell about a certificate. Read once at the full handshake, because a
// resumed connection has no certificate to ask.

import type { X509Certificate } from 'node:crypto';
import { rfc2253 } from './distinguished-name.ts';

/** The facts of one certificate, all as text. Empty texts where there was no certificate. */
export interface CertificateFacts {
  /** RFC 2253, as nginx writes `$ssl_client_s_dn`. */
  readonly subject: string;
  readonly issuer: string;
  /** Hex, upper case. */
  readonly serial: string;
  /** Subject alternative names as OpenSSL writes them: `DNS:a.example, IP Address:10.0.0.1`. */
  readonly sans: string;
  /** `Nov 20 20:22:52 2026 GMT` */
  readonly notBefore: string;
  readonly notAfter: string;
  /** SHA-256 over the certificate, lower-case hex without colons. */
  readonly fingerprint: string;
}

/** The facts where a peer presented no certificate. */
export const noCertificateFacts: CertificateFacts = Object.freeze({
  subject: '',
  issuer: '',
  serial: '',
  sans: '',
  notBefore: '',
  notAfter: '',
  fingerprint: '',
});

/** Reads the facts of a certificate. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  return {
    subject: rfc2253(certificate.subject),
    issuer: rfc2253(certificate.issuer),
    serial: certificate.serialNumber,
    sans: certificate.subjectAltName ?? '',
    notBefore: certificate.validFrom,
    notAfter: certificate.validTo,
    fingerprint: plainHex(certificate.fingerprint256),
  };
}

/** Node's `AB:CD` as `abcd`. */
export function plainHex(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}
