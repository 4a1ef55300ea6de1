// What a certificate asks for and allows, from its extensions, as far as node:crypto does not say.

import type { KeyObject, X509Certificate } from 'node:crypto';
import { createHash } from 'node:crypto';
import { asn1Schema, asn1X509 } from './asn1.ts';
import { certificateParts } from './certificate-der.ts';

const tlsFeature = '1.3.6.1.5.5.7.1.24';
/** The same in DER. */
const tlsFeatureBytes = Buffer.from('06082b06010505070118', 'hex');
const authorityInfoAccess = '1.3.6.1.5.5.7.1.1';
const ocspAccess = '1.3.6.1.5.5.7.48.1';
const issuersAccess = '1.3.6.1.5.5.7.48.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';

/**
 * Must a server that presents it staple an OCSP response (RFC 7633, `status_request`)? True as well
 * where the extension cannot be read: it is there to demand something.
 */
export function demandsStaple(certificate: X509Certificate): boolean {
  // Most have no such extension, and need not be taken apart for that.
  if (!certificate.raw.includes(tlsFeatureBytes)) return false;
  try {
    const extension = certificateParts(certificate).extensions.get(tlsFeature);
    return extension !== undefined && holdsStatusRequest(extension.value);
  } catch {
    return true;
  }
}

// Features ::= SEQUENCE OF INTEGER. There are two features, status_request(5) and
// status_request_v2(17), and each takes three bytes.
function holdsStatusRequest(features: Uint8Array): boolean {
  if (features[0] !== 0x30 || features[1] !== features.length - 2) return true;
  for (let at = 2; at < features.length; at += 2 + (features[at + 1] ?? 0)) {
    if (features[at] !== 0x02) return true;
    if (features[at + 1] === 1 && features[at + 2] === 5) return true;
  }
  return false;
}

/** The OCSP responders that the certificate names: `http://` URLs only, in its order. */
export function ocspResponders(certificate: X509Certificate): string[] {
  return accessUrls(certificate, ocspAccess);
}

/** Where the certificate says that its issuer's can be fetched: `http://` URLs only. */
export function issuerUrls(certificate: X509Certificate): string[] {
  return accessUrls(certificate, issuersAccess);
}

function accessUrls(certificate: X509Certificate, method: string): string[] {
  try {
    const value = certificateParts(certificate).extensions.get(authorityInfoAccess)?.value;
    if (value === undefined) return [];
    return [...asn1Schema().AsnConvert.parse(value, asn1X509().AuthorityInfoAccessSyntax)]
      .filter(({ accessMethod }) => accessMethod === method)
      .map(({ accessLocation }) => accessLocation.uniformResourceIdentifier ?? '')
      .filter((url) => /^http:\/\//i.test(url) && URL.canParse(url));
  } catch {
    return [];
  }
}

/** The pin of the certificate's key: SHA-256 over its SubjectPublicKeyInfo, in base64 (RFC 7469). */
export function spkiPin(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

/**
 * The key of a certificate that a peer presented; null where OpenSSL cannot read it. Anybody can put
 * such a certificate into a chain, and the property itself would throw.
 */
export function publicKeyOf(certificate: X509Certificate): KeyObject | null {
  try {
    return certificate.publicKey;
  } catch {
    return null;
  }
}

/** May it issue certificates (basicConstraints with CA:TRUE)? */
export function isCa(certificate: X509Certificate): boolean {
  return certificate.ca;
}

// Server gated cryptography, Netscape's and Microsoft's: OpenSSL takes both for a server's.
const serverPurposes = [serverAuth, '2.16.840.1.113730.4.1', '1.3.6.1.4.1.311.10.3.3'];

/** May a TLS server use it? Without an extended key usage it may. */
export function allowsServerAuth(certificate: X509Certificate): boolean {
  // Under this name Node gives the extended key usage, undefined where there is none.
  const purposes: readonly string[] | undefined = certificate.keyUsage;
  return purposes === undefined || purposes.some((purpose) => serverPurposes.includes(purpose));
}
