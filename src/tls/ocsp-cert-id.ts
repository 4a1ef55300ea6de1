// How OCSP names a certificate (CertID, RFC 6960, 4.1.1): hashes over its issuer's name and key,
// and its serial.

import type { X509Certificate } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { CertID } from '@peculiar/asn1-ocsp';
import { certificateParts } from './certificate-der.ts';

const hashes = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** Hash over a name as it stands in a certificate. */
export function hashName(hash: string, name: Uint8Array): Buffer {
  return createHash(hash).update(name).digest();
}

/** Hash over the bits of a certificate's key. */
export function hashKey(hash: string, certificate: X509Certificate): Buffer {
  return createHash(hash).update(certificateParts(certificate).keyBits).digest();
}

/** Does the name mean this certificate of this issuer? One with an unknown hash means nobody. */
export function meansCertificate(id: CertID, leaf: X509Certificate, issuer: X509Certificate) {
  const hash = hashes.get(id.hashAlgorithm.algorithm);
  if (hash === undefined) return false;
  const { serial, issuerName } = certificateParts(leaf);
  return (
    serial.equals(new Uint8Array(id.serialNumber)) &&
    hashName(hash, issuerName).equals(new Uint8Array(id.issuerNameHash.buffer)) &&
    hashKey(hash, issuer).equals(new Uint8Array(id.issuerKeyHash.buffer))
  );
}
