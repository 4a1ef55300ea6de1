// A look at a server in the words of a report: the certificates that came, their keys and dates, and
// what its stapled OCSP response says.

import type { X509Certificate } from 'node:crypto';
import { publicKeyOf, spkiPin } from '../tls/certificate-extensions.ts';
import { plainHex } from '../tls/certificate-facts.ts';
import { rfc2253 } from '../tls/distinguished-name.ts';
import { oneLine } from '../tls/log-text.ts';
import { checkOcspResponse } from '../tls/ocsp-response.ts';
import type { Look } from '../tls/probe-connect.ts';
import { pickIssuer, type TrustStore } from '../tls/trust-store.ts';
import type { ProbeCertificate, ServerProbe } from './probe-model.ts';

const dayMs = 86_400_000;

/** Days ahead of which an end is worth a note. */
const soonDays = 30;

/** One certificate. */
export function describe(certificate: X509Certificate): ProbeCertificate {
  const { validFromDate, validToDate } = certificate;
  const key = publicKeyOf(certificate);
  const details = key?.asymmetricKeyDetails;
  const size = details?.namedCurve ?? details?.modulusLength ?? '';
  return {
    subject: oneLine(rfc2253(certificate.subject)),
    issuer: oneLine(rfc2253(certificate.issuer)),
    sans: oneLine(certificate.subjectAltName ?? ''),
    notBefore: isoDate(validFromDate),
    notAfter: isoDate(validToDate),
    daysLeft: Math.floor((validToDate.getTime() - Date.now()) / dayMs),
    key: key === null ? 'unreadable' : `${key.asymmetricKeyType ?? 'unknown'} ${size}`.trim(),
    signature: certificate.signatureAlgorithm ?? 'unknown',
    fingerprint: plainHex(certificate.fingerprint256),
    pin: key === null ? null : `sha256/${spkiPin(certificate)}`,
  };
}

// Anybody can write a date that there is not.
function isoDate(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString();
}

/** What the staple says, as far as its signer is known. */
export function ocspOf({ staple, chain }: Look, trust: TrustStore | null): ServerProbe['ocsp'] {
  const [leaf, ...above] = chain;
  if (staple === null || leaf === undefined) return 'none';
  const issuer = trust?.issuerOf(leaf) ?? pickIssuer(above, leaf);
  if (issuer === null) return 'unchecked';
  return checkOcspResponse(staple, { leaf, issuer }).kind;
}

/** What is worth knowing beside the verdict. */
export function notesOn(chain: readonly ProbeCertificate[], ocsp: ServerProbe['ocsp']): string[] {
  const ending = chain
    .filter(({ daysLeft }) => daysLeft >= 0 && daysLeft < soonDays)
    .map(({ subject, daysLeft, notAfter }) => {
      return `the certificate "${subject}" ends in ${daysLeft} days (${notAfter.slice(0, 10)})`;
    });
  const stapled =
    ocsp === 'revoked'
      ? [
          'the stapled OCSP response says that the certificate is revoked: set proxy_ssl_ocsp staple',
        ]
      : ocsp === 'invalid' || ocsp === 'unknown'
        ? ['the stapled OCSP response proves nothing']
        : [];
  return [...ending, ...stapled];
}
