// Signatures of OCSP responses and of the certificates of their signers, checked by OpenSSL through
// node:crypto. MD5 and SHA-1 are not in the table: whoever can make two inputs of one hash could
// have an innocent response signed and use it for another (RFC 9155).

import type { KeyObject, VerifyKeyObjectInput } from 'node:crypto';
import { constants, verify } from 'node:crypto';
import type { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { asn1Schema, asn1X509, onFirstUse } from './asn1.ts';
import type { SignedBytes } from './certificate-der.ts';

interface Scheme {
  /** Of the key, as node:crypto calls it. */
  readonly keyTypes: readonly string[];
  /** Null where the scheme has its own. */
  readonly hash: string | null;
}

const rsa = ['rsa'];
const ec = ['ec'];
const schemes = new Map<string, Scheme>([
  ['1.2.840.113549.1.1.11', { keyTypes: rsa, hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { keyTypes: rsa, hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { keyTypes: rsa, hash: 'sha512' }],
  ['1.2.840.10045.4.3.2', { keyTypes: ec, hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { keyTypes: ec, hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { keyTypes: ec, hash: 'sha512' }],
  ['1.3.101.112', { keyTypes: ['ed25519'], hash: null }],
  ['1.3.101.113', { keyTypes: ['ed448'], hash: null }],
  ['2.16.840.1.101.3.4.3.17', { keyTypes: ['ml-dsa-44'], hash: null }],
  ['2.16.840.1.101.3.4.3.18', { keyTypes: ['ml-dsa-65'], hash: null }],
  ['2.16.840.1.101.3.4.3.19', { keyTypes: ['ml-dsa-87'], hash: null }],
]);

const weak = new Map([
  ['1.2.840.113549.1.1.4', 'MD5'],
  ['1.2.840.113549.1.1.5', 'SHA-1'],
  ['1.2.840.10045.4.1', 'SHA-1'],
  ['1.2.840.10040.4.3', 'SHA-1'],
]);

const hashes = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

// RSASSA-PSS-params of RFC 4055. Left out, the hash is SHA-1.
interface PssParameters {
  hashAlgorithm?: AlgorithmIdentifier;
  maskGenAlgorithm?: AlgorithmIdentifier;
  saltLength: number;
  trailerField: number;
}

const pssShape = onFirstUse((): new () => PssParameters => {
  const { AsnProp, AsnPropTypes } = asn1Schema();
  class Shape {
    hashAlgorithm?: AlgorithmIdentifier;
    maskGenAlgorithm?: AlgorithmIdentifier;
    saltLength: number = 20;
    trailerField: number = 1;
  }
  const algorithm = { type: asn1X509().AlgorithmIdentifier, optional: true };
  AsnProp({ ...algorithm, context: 0 })(Shape.prototype, 'hashAlgorithm');
  AsnProp({ ...algorithm, context: 1 })(Shape.prototype, 'maskGenAlgorithm');
  const number = { type: AsnPropTypes.Integer, optional: true };
  AsnProp({ ...number, context: 2, defaultValue: 20 })(Shape.prototype, 'saltLength');
  AsnProp({ ...number, context: 3, defaultValue: 1 })(Shape.prototype, 'trailerField');
  return Shape;
});

const pss = '1.2.840.113549.1.1.10';
const shortestRsaKey = 2048;

/**
 * Checks a signature.
 *
 * @returns null where it is good, else why it is not; never throws
 */
export function signatureProblem(signed: SignedBytes, key: KeyObject): string | null {
  try {
    return problemOf(signed, key);
  } catch {
    return 'the signature cannot be checked';
  }
}

function problemOf({ algorithm: id, data, signature }: SignedBytes, key: KeyObject): string | null {
  const weakHash = weak.get(id.algorithm);
  if (weakHash !== undefined) return `it is signed with ${weakHash}, which is too weak`;
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < shortestRsaKey) return `it is signed with a key of ${bits} bits`;
  const isPss = id.algorithm === pss;
  const scheme = isPss ? null : schemes.get(id.algorithm);
  if (scheme === undefined) return `its signature algorithm ${id.algorithm} is not known`;
  const keyTypes = scheme?.keyTypes ?? ['rsa', 'rsa-pss'];
  if (!keyTypes.includes(key.asymmetricKeyType ?? '')) return wrong;
  const padding = isPss ? pssPadding(id.parameters) : { hash: scheme?.hash ?? null };
  if (padding === null) return 'its RSA-PSS parameters are not supported';
  const { hash, ...options } = padding;
  const input: VerifyKeyObjectInput = { key, ...options };
  return verify(hash, data, input, signature) ? null : wrong;
}

const wrong = 'its signature is wrong';

interface Padding {
  readonly hash: string | null;
  readonly padding?: number;
  readonly saltLength?: number;
}

function pssPadding(parameters: ArrayBuffer | null | undefined): Padding | null {
  if (parameters === null || parameters === undefined) return null;
  const { AsnConvert } = asn1Schema();
  const found = AsnConvert.parse(parameters, pssShape());
  const hash = hashes.get(found.hashAlgorithm?.algorithm ?? '');
  const mask = found.maskGenAlgorithm?.parameters;
  if (hash === undefined || mask === null || mask === undefined) return null;
  const maskHash = hashes.get(AsnConvert.parse(mask, asn1X509().AlgorithmIdentifier).algorithm);
  if (maskHash !== hash || found.trailerField !== 1) return null;
  return { hash, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: found.saltLength };
}
