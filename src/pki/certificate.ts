// One certificate from its facts: key pair, serial, dates and extensions as RFC 5280 and today's
// TLS stacks want them. The authority decides who signs; this file knows no authority.

import {
  createPrivateKey,
  createPublicKey,
  KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate as NodeCertificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.ts';
import type { Extension, JsonGeneralNames } from './x509.ts';

/** What a certificate may be used for: TLS server, TLS client, or both (extended key usage). */
export type Purpose = 'server' | 'client' | 'both';

/** First and last moment of validity. */
export interface Validity {
  /** Default: one hour ago, so that a clock that is a little behind accepts it. */
  readonly notBefore?: Date;
  /** Default: `days` after `notBefore`. */
  readonly notAfter?: Date;
  /** Days of validity where `notAfter` is not given. */
  readonly days?: number;
}

/** What an end-entity certificate says of its holder. */
export interface LeafOptions extends Validity {
  /** The subject's common name. */
  readonly commonName: string;
  /** DNS names for the subject alternative names; `*.example.org` is allowed. */
  readonly dns?: readonly string[];
  /** IP addresses for the subject alternative names. */
  readonly ip?: readonly string[];
  /** URIs for the subject alternative names, such as `spiffe://…`. */
  readonly uri?: readonly string[];
  readonly purpose: Purpose;
  /**
   * Leaves the subject alternative names out altogether. Modern verifiers refuse such a certificate
   * (RFC 9525); it exists to test exactly that. Default false: where no name is given for a server,
   * the common name becomes the alternative name.
   */
  readonly withoutSans?: boolean;
}

/** Who signs: the issuer's name and keys. Null signs with the certificate's own key. */
export interface Signer {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** A certificate with the key pair that belongs to it. */
export type Signed = Signer;

export const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;
const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** The private key as PKCS#8 PEM, unencrypted. */
export function privateKeyPem(keys: webcrypto.CryptoKeyPair): string {
  return KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The certificate as PEM with a final newline, so that chains can be joined as text. */
export function certificatePem(certificate: X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

/**
 * A CA certificate with its key, from PEM.
 *
 * @throws where one of them cannot be read, or they do not belong together
 */
export async function loadSigner(certificate: string, key: string): Promise<Signed> {
  const { subtle } = webcrypto;
  const privateKey = createPrivateKey(key);
  const publicKey = createPublicKey(privateKey);
  if (!new NodeCertificate(certificate).checkPrivateKey(privateKey)) {
    throw new Error('the private key does not match the certificate');
  }
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return {
    certificate: new X509Certificate(certificate),
    keys: {
      privateKey: await subtle.importKey('pkcs8', pkcs8, keyAlgorithm, true, ['sign']),
      publicKey: await subtle.importKey('spki', spki, keyAlgorithm, true, ['verify']),
    },
  };
}

/** Makes a CA certificate. */
export async function makeAuthority(
  commonName: string,
  validity: Validity,
  signer: Signer | null,
): Promise<Signed> {
  const keys = await generateKeys();
  const extensions = [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
  return sign({ commonName, validity, keys, extensions }, signer);
}

/** Makes a certificate for a server or a client. */
export async function makeLeaf(options: LeafOptions, signer: Signer | null): Promise<Signed> {
  const keys = await generateKeys();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    // TLS with an EC key signs and nothing else; keyEncipherment belongs to RSA key exchange.
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(extendedKeyUsages(options.purpose)),
  ];
  const names = options.withoutSans === true ? [] : alternativeNames(options);
  if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names));
  return sign({ commonName: options.commonName, validity: options, keys, extensions }, signer);
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
}

interface Draft {
  readonly commonName: string;
  readonly validity: Validity;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly extensions: readonly Extension[];
}

async function sign(draft: Draft, signer: Signer | null): Promise<Signed> {
  const { keys } = draft;
  // Given as a typed value: a plain string would be searched for quotes and hexadecimal escapes.
  const subject = new Name([{ CN: [{ utf8String: draft.commonName }] }]);
  const identifiers: Extension[] = [await SubjectKeyIdentifierExtension.create(keys.publicKey)];
  if (signer !== null) {
    identifiers.push(await AuthorityKeyIdentifierExtension.create(signer.keys.publicKey));
  }
  const { notBefore, notAfter } = dates(draft.validity, signer);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject,
    issuer: signer === null ? subject : signer.certificate.subjectName,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: (signer?.keys ?? keys).privateKey,
    signingAlgorithm,
    extensions: [...draft.extensions, ...identifiers],
  });
  return { certificate, keys };
}

// RFC 5280, 4.1.2.2: positive, at most 20 octets. The fixed top bits keep the sign bit clear and
// the length constant; 126 random bits remain.
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function dates(validity: Validity, signer: Signer | null): { notBefore: Date; notAfter: Date } {
  const notBefore = validity.notBefore ?? defaultStart(validity);
  if (validity.notAfter !== undefined) return { notBefore, notAfter: validity.notAfter };
  const wanted = notBefore.getTime() + (validity.days ?? 90) * dayMs;
  // A certificate that outlives its issuer fails on a day that nobody has in the calendar.
  const limit = signer === null ? wanted : signer.certificate.notAfter.getTime();
  return { notBefore, notAfter: new Date(Math.min(wanted, Math.max(limit, notBefore.getTime()))) };
}

// With only an end given, and that in the past, the start must still come before the end.
function defaultStart(validity: Validity): Date {
  const end = validity.notAfter?.getTime() ?? Infinity;
  return new Date(Math.min(Date.now() - hourMs, end - dayMs));
}

function extendedKeyUsages(purpose: Purpose): ExtendedKeyUsage[] {
  const { serverAuth, clientAuth } = ExtendedKeyUsage;
  if (purpose === 'both') return [serverAuth, clientAuth];
  return [purpose === 'server' ? serverAuth : clientAuth];
}

function alternativeNames(options: LeafOptions): JsonGeneralNames {
  const names: JsonGeneralNames = [
    ...(options.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(options.ip ?? []).map((value) => ({ type: 'ip' as const, value })),
    ...(options.uri ?? []).map((value) => ({ type: 'url' as const, value })),
  ];
  if (names.length > 0 || options.purpose === 'client') return names;
  const value = options.commonName;
  if (isIP(value) !== 0) return [{ type: 'ip', value }];
  return /^[A-Za-z0-9*.-]+$/.test(value) ? [{ type: 'dns', value }] : [];
}
