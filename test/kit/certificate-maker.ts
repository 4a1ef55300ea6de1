// Certificates with exactly the defects that a test wants: what the project's own authority refuses
// to make. Every extension, the digest, the key and even the signature are the caller's.

import { randomBytes, webcrypto } from 'node:crypto';
import { certificatePem, privateKeyPem, type Signer } from '../../src/pki/certificate.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '../../src/pki/x509.ts';
import { writeIn } from './temp-folder.ts';

/** One certificate, its key, and who is above it. */
export interface Made extends Signer {
  /** The certificate alone, PEM. */
  readonly pem: string;
  readonly keyPem: string;
  /** The certificate, then all above it without the root. */
  readonly chainPem: string;
}

export interface Draft {
  readonly commonName: string;
  /** Null: self-signed. */
  readonly issuer: Made | null;
  /** Default: P-256. */
  readonly rsaBits?: number;
  /** The digest of the signature. Default SHA-256. */
  readonly hash?: 'SHA-1' | 'SHA-256';
  /** Default: from an hour ago to 90 days from now. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly extensions: readonly Extension[];
}

const dayMs = 86_400_000;

function keyAlgorithm({
  rsaBits,
}: Draft): webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams {
  if (rsaBits === undefined) return { name: 'ECDSA', namedCurve: 'P-256' };
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: 'RSASSA-PKCS1-v1_5', modulusLength: rsaBits, publicExponent, hash: 'SHA-256' };
}

/** Makes a certificate as drafted, with the two key identifiers. */
export async function makeCertificate(draft: Draft): Promise<Made> {
  const { issuer } = draft;
  const keys = (await webcrypto.subtle.generateKey(keyAlgorithm(draft), true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const subject = new Name([{ CN: [{ utf8String: draft.commonName }] }]);
  const identifiers: Extension[] = [await SubjectKeyIdentifierExtension.create(keys.publicKey)];
  if (issuer !== null) {
    identifiers.push(await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey));
  }
  const signingKey = (issuer?.keys ?? keys).privateKey;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: `4${randomBytes(16).toString('hex').slice(1)}`,
    subject,
    issuer: issuer === null ? subject : issuer.certificate.subjectName,
    notBefore: draft.notBefore ?? new Date(Date.now() - dayMs / 24),
    notAfter: draft.notAfter ?? new Date(Date.now() + 90 * dayMs),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: { name: signingKey.algorithm.name, hash: draft.hash ?? 'SHA-256' },
    extensions: [...draft.extensions, ...identifiers],
  });
  return made(certificate, keys, issuer);
}

function made(
  certificate: X509Certificate,
  keys: webcrypto.CryptoKeyPair,
  issuer: Made | null,
): Made {
  const pem = certificatePem(certificate);
  const isRoot = (one: Made): boolean => one.certificate.subject === one.certificate.issuer;
  const above = issuer === null || isRoot(issuer) ? '' : issuer.chainPem;
  return { certificate, keys, pem, keyPem: privateKeyPem(keys), chainPem: pem + above };
}

/** The same certificate with one bit of its signature the other way round. */
export function withBrokenSignature(good: Made, issuer: Made | null): Made {
  const der = Buffer.from(good.certificate.rawData);
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  return made(new X509Certificate(der), good.keys, issuer);
}

/** What a server's certificate has beside its names. */
export interface LeafExtensions {
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
  readonly purposes?: readonly ExtendedKeyUsage[];
  readonly more?: readonly Extension[];
}

/** The extensions of a leaf that is in order, but for what the caller makes of them. */
export function leafExtensions(options: LeafExtensions): Extension[] {
  const names = [
    ...(options.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(options.ip ?? []).map((value) => ({ type: 'ip' as const, value })),
    ...(options.uri ?? []).map((value) => ({ type: 'url' as const, value })),
  ];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([...(options.purposes ?? [ExtendedKeyUsage.serverAuth])]),
    ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
    ...(options.more ?? []),
  ];
}

/** The extensions of a CA. `pathLength`: how many CAs may be below; default: any number. */
export function caExtensions(
  options: { readonly pathLength?: number; readonly more?: readonly Extension[] } = {},
): Extension[] {
  return [
    new BasicConstraintsExtension(true, options.pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ...(options.more ?? []),
  ];
}

/** RFC 7633: the server must staple an OCSP response. */
export const mustStaple = new Extension(
  '1.3.6.1.5.5.7.1.24',
  false,
  Buffer.from([0x30, 3, 2, 1, 5]),
);

/** An extension that nobody knows, and that must not be ignored. */
export const unknownCritical = new Extension(
  '1.3.6.1.4.1.99999.1',
  true,
  Buffer.from([0x05, 0x00]),
);

/** RFC 5280, 4.2.1.10: a CA for `domain` and all below it, and for no other DNS name. */
export function onlyNamesBelow(domain: string): Extension {
  const wrap = (tag: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([tag, content.length]), content]);
  const subtree = wrap(0x30, wrap(0x82, Buffer.from(domain, 'latin1')));
  return new Extension('2.5.29.30', true, wrap(0x30, wrap(0xa0, subtree)));
}

/** A certificate as files for configurations and for `openssl`. */
export interface CertificateFiles {
  /** Path of the chain: leaf, then intermediates. */
  readonly certificate: string;
  /** Path of what is above the leaf; null where that is nothing. */
  readonly issuers: string | null;
  readonly key: string;
}

/** Writes the chain and the key. */
export function writeFiles(folder: string, name: string, one: Made): CertificateFiles {
  const issuers = one.chainPem.slice(one.pem.length);
  return {
    certificate: writeIn(folder, `${name}.crt`, one.chainPem),
    issuers: issuers === '' ? null : writeIn(folder, `${name}-issuers.crt`, issuers),
    key: writeIn(folder, `${name}.key`, one.keyPem),
  };
}
