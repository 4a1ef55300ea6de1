// What OpenSSL found too weak, found again: in report mode Node tells no more of such a verdict than
// that there was one. Security levels and bits are OpenSSL's (SSL_CTX_set_security_level(3)).

import type { X509Certificate } from 'node:crypto';
import { certificateParts } from './certificate-der.ts';
import { isCa, publicKeyOf } from './certificate-extensions.ts';
import type { UnnamedVerdict } from './verify-errors.ts';

const bitsOfLevel = [0, 80, 112, 128, 192, 256];
const defaultLevel = 2;

/** What `@SECLEVEL=` of a cipher string says; OpenSSL's default is 2. */
function levelOf(ciphers: string): number {
  const found = /@SECLEVEL=([0-5])(?!\d)/.exec(ciphers)?.[1];
  return found === undefined ? defaultLevel : Number(found);
}

/**
 * The verdict that OpenSSL most likely came to; null where none can be found.
 *
 * @param path - leaf first, a trusted certificate last
 */
export function weaknessOf(
  path: readonly X509Certificate[],
  ciphers: string,
): UnnamedVerdict | null {
  const wanted = bitsOfLevel[levelOf(ciphers)] ?? 0;
  const [leaf] = path;
  if (leaf === undefined) return null;
  if (keyBits(leaf) < wanted) return 'weakLeafKey';
  if (path.slice(1).some((one) => keyBits(one) < wanted)) return 'weakCaKey';
  // Nobody looks at the signature of the certificate that is trusted itself.
  if (path.slice(0, -1).some((one) => digestBits(one) < wanted)) return 'weakDigest';
  if (path.slice(1).some((one) => !isCa(one))) return 'noCertSign';
  return path.slice(1).some(hasNameConstraints) ? 'notPermitted' : null;
}

// NIST SP 800-57 part 1, table 2; what is not in it is taken to be strong.
function keyBits(certificate: X509Certificate): number {
  const key = publicKeyOf(certificate);
  if (key === null) return 256;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa' || type === 'rsa-pss' || type === 'dsa') {
    const length = details?.modulusLength ?? 0;
    if (length >= 15_360) return 256;
    if (length >= 7680) return 192;
    if (length >= 3072) return 128;
    return length >= 2048 ? 112 : length >= 1024 ? 80 : 0;
  }
  if (type !== 'ec') return 128;
  const size = /(\d{3})/.exec(details?.namedCurve ?? '')?.[1];
  return size === undefined ? 128 : Math.floor(Number(size) / 2);
}

function digestBits({ signatureAlgorithm = '' }: X509Certificate): number {
  if (/md[245]/i.test(signatureAlgorithm)) return 39;
  if (/sha-?1(?!\d)/i.test(signatureAlgorithm)) return 63;
  return /sha-?224/i.test(signatureAlgorithm) ? 112 : 128;
}

function hasNameConstraints(certificate: X509Certificate): boolean {
  try {
    return certificateParts(certificate).extensions.has('2.5.29.30');
  } catch {
    return false;
  }
}
