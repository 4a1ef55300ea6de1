// Signature schemes (IANA "TLS SignatureScheme"): their names, and which of them a certificate's key
// can be used with. OpenSSL tells Node neither what it picked nor how, but its rule is simple: the
// first of the shared ones that the certificate can do.

import type { KeyObject } from 'node:crypto';

/** The names that nginx prints, which are those of the registry. */
export const signatureNames: ReadonlyMap<number, string> = new Map([
  [0x0201, 'rsa_pkcs1_sha1'],
  [0x0203, 'ecdsa_sha1'],
  [0x0401, 'rsa_pkcs1_sha256'],
  [0x0403, 'ecdsa_secp256r1_sha256'],
  [0x0501, 'rsa_pkcs1_sha384'],
  [0x0503, 'ecdsa_secp384r1_sha384'],
  [0x0601, 'rsa_pkcs1_sha512'],
  [0x0603, 'ecdsa_secp521r1_sha512'],
  [0x0804, 'rsa_pss_rsae_sha256'],
  [0x0805, 'rsa_pss_rsae_sha384'],
  [0x0806, 'rsa_pss_rsae_sha512'],
  [0x0807, 'ed25519'],
  [0x0808, 'ed448'],
  [0x0809, 'rsa_pss_pss_sha256'],
  [0x080a, 'rsa_pss_pss_sha384'],
  [0x080b, 'rsa_pss_pss_sha512'],
  [0x081a, 'ecdsa_brainpoolP256r1tls13_sha256'],
  [0x081b, 'ecdsa_brainpoolP384r1tls13_sha384'],
  [0x081c, 'ecdsa_brainpoolP512r1tls13_sha512'],
  [0x0904, 'mldsa44'],
  [0x0905, 'mldsa65'],
  [0x0906, 'mldsa87'],
]);

const rsaPss: readonly number[] = [0x0804, 0x0805, 0x0806];
const ofCurve: Readonly<Record<string, number>> = {
  prime256v1: 0x0403,
  secp384r1: 0x0503,
  secp521r1: 0x0603,
};
const ofKeyType: Readonly<Record<string, readonly number[]>> = {
  rsa: rsaPss,
  'rsa-pss': [0x0809, 0x080a, 0x080b],
  ed25519: [0x0807],
  ed448: [0x0808],
  'ml-dsa-44': [0x0904],
  'ml-dsa-65': [0x0905],
  'ml-dsa-87': [0x0906],
};
const allEcdsa: readonly number[] = Object.values(ofCurve);
const rsaPkcs1: readonly number[] = [0x0401, 0x0501, 0x0601];

/** The schemes that a certificate's key can sign a TLS 1.3 handshake with. */
export function schemesForTls13(key: KeyObject): readonly number[] {
  if (key.asymmetricKeyType === 'ec') {
    const scheme = ofCurve[key.asymmetricKeyDetails?.namedCurve ?? ''];
    return scheme === undefined ? [] : [scheme];
  }
  return ofKeyType[key.asymmetricKeyType ?? ''] ?? [];
}

/** The same for TLS 1.2, where ECDSA is tied to no curve and RSA has its older padding as well. */
export function schemesForTls12(key: KeyObject): readonly number[] {
  if (key.asymmetricKeyType === 'ec') return allEcdsa;
  if (key.asymmetricKeyType === 'rsa') return [...rsaPss, ...rsaPkcs1];
  return ofKeyType[key.asymmetricKeyType ?? ''] ?? [];
}

const digests: Readonly<Record<string, number>> = { SHA256: 0, SHA384: 1, SHA512: 2 };

/**
 * What the server's certificate signed the handshake with; empty where that cannot be said.
 *
 * @param shared - as Node's `getSharedSigalgs()` names them: `ECDSA+SHA256`
 * @param protocol - `TLSv1.3`
 */
export function signatureInUse(
  shared: readonly string[],
  key: KeyObject,
  protocol: string,
): string {
  const able = protocol === 'TLSv1.3' ? schemesForTls13(key) : schemesForTls12(key);
  for (const name of shared) {
    const scheme = schemeOf(name, key.asymmetricKeyType ?? '');
    if (scheme !== null && able.includes(scheme)) return signatureNames.get(scheme) ?? '';
  }
  return '';
}

function schemeOf(name: string, keyType: string): number | null {
  const [algorithm = '', digest = ''] = name.split('+');
  const lower = algorithm.toLowerCase();
  if (lower === 'ed25519') return 0x0807;
  if (lower === 'ed448') return 0x0808;
  const row = digests[digest];
  if (row === undefined) return null;
  if (lower === 'ecdsa') return allEcdsa[row] ?? null;
  if (lower === 'rsa') return rsaPkcs1[row] ?? null;
  if (lower !== 'rsa-pss') return null;
  return keyType === 'rsa-pss' ? 0x0809 + row : 0x0804 + row;
}
