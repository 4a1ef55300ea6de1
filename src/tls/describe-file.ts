// One line on what a TLS file holds, for the log: enough to tell whether the right one is in use,
// and nothing that is secret.

import type { X509Certificate } from 'node:crypto';
import { readCrls } from './crl.ts';
import { rfc2253 } from './distinguished-name.ts';
import { readCertificates, type PemFile } from './pem.ts';

/**
 * What a file holds. Certificates: subject, end and SHA-256 fingerprint of the first, and how many
 * there are; revocation lists: issuer and when the next is due.
 */
export function describeTlsFile(file: PemFile): string {
  const { pem } = file;
  try {
    if (/-----BEGIN (?:X509 )?CRL-----/.test(pem)) return describeCrls(file);
    if (/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(pem)) {
      return describeCertificates(readCertificates(file));
    }
  } catch {
    return 'content that cannot be described';
  }
  // Perhaps a password: even its length is nobody's business.
  return pem.includes('PRIVATE KEY-----') ? 'a private key' : 'content that is not shown';
}

function describeCertificates([first, ...more]: readonly X509Certificate[]): string {
  if (first === undefined) return 'no certificate';
  const what = first.ca ? 'CA' : 'certificate';
  const others = more.length === 0 ? '' : `, and ${more.length} more`;
  return (
    `${what} "${rfc2253(first.subject)}", valid until ${first.validToDate.toISOString()}, ` +
    `SHA-256 ${first.fingerprint256}${others}`
  );
}

function describeCrls(file: PemFile): string {
  return readCrls(file)
    .map(({ issuer, nextUpdate }) => {
      const due = nextUpdate === null ? '' : `, next due ${new Date(nextUpdate).toISOString()}`;
      return `revocation list of "${issuer}"${due}`;
    })
    .join('; ');
}
