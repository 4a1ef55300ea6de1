// The parts of a certificate that node:crypto does not tell as they stand in it: names and key as
// bytes, the serial, the extensions. OCSP names certificates by hashes over exactly these bytes.

import type { X509Certificate } from 'node:crypto';
import type { AlgorithmIdentifier, Extension, SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import { asn1Schema, asn1X509, onFirstUse } from './asn1.ts';

const nothing = new ArrayBuffer(0);

// As TBSCertificate and Certificate of RFC 5280, but names stay bytes: written anew they could come
// out otherwise than they were signed. The library's decorators are plain functions here.
interface TbsShape {
  serialNumber: ArrayBuffer;
  issuer: ArrayBuffer;
  subject: ArrayBuffer;
  subjectPublicKeyInfo: SubjectPublicKeyInfo;
  extensions?: Extension[];
}

function newTbsShape(): new () => TbsShape {
  const { AsnIntegerArrayBufferConverter, AsnProp, AsnPropTypes } = asn1Schema();
  const { Extension, SubjectPublicKeyInfo } = asn1X509();
  class Shape {
    version: number = 0;
    serialNumber: ArrayBuffer = nothing;
    signature: ArrayBuffer = nothing;
    issuer: ArrayBuffer = nothing;
    validity: ArrayBuffer = nothing;
    subject: ArrayBuffer = nothing;
    subjectPublicKeyInfo: SubjectPublicKeyInfo = new SubjectPublicKeyInfo();
    issuerUniqueID?: ArrayBuffer;
    subjectUniqueID?: ArrayBuffer;
    extensions?: Extension[];
  }
  const any = AsnProp({ type: AsnPropTypes.Any });
  const integer = { type: AsnPropTypes.Integer, converter: AsnIntegerArrayBufferConverter };
  const { prototype } = Shape;
  AsnProp({ type: AsnPropTypes.Integer, context: 0, defaultValue: 0 })(prototype, 'version');
  AsnProp(integer)(prototype, 'serialNumber');
  for (const field of ['signature', 'issuer', 'validity', 'subject']) any(prototype, field);
  AsnProp({ type: SubjectPublicKeyInfo })(prototype, 'subjectPublicKeyInfo');
  const unique = { type: AsnPropTypes.BitString, implicit: true, optional: true };
  AsnProp({ ...unique, context: 1 })(prototype, 'issuerUniqueID');
  AsnProp({ ...unique, context: 2 })(prototype, 'subjectUniqueID');
  const list = { type: Extension, repeated: 'sequence', optional: true } as const;
  AsnProp({ ...list, context: 3 })(prototype, 'extensions');
  return Shape;
}

interface CertificateShape {
  tbs: TbsShape;
  tbsRaw?: ArrayBuffer | Uint8Array;
  signatureAlgorithm: AlgorithmIdentifier;
  signature: ArrayBuffer;
}

const certificateShape = onFirstUse((): new () => CertificateShape => {
  const { AsnProp, AsnPropTypes } = asn1Schema();
  const { AlgorithmIdentifier } = asn1X509();
  const Tbs = newTbsShape();
  class Shape {
    tbs: TbsShape = new Tbs();
    tbsRaw?: ArrayBuffer | Uint8Array;
    signatureAlgorithm: AlgorithmIdentifier = new AlgorithmIdentifier();
    signature: ArrayBuffer = nothing;
  }
  AsnProp({ type: Tbs, raw: true })(Shape.prototype, 'tbs');
  AsnProp({ type: AlgorithmIdentifier })(Shape.prototype, 'signatureAlgorithm');
  AsnProp({ type: AsnPropTypes.BitString })(Shape.prototype, 'signature');
  return Shape;
});

/** What was signed, how, and the signature. */
export interface SignedBytes {
  readonly algorithm: AlgorithmIdentifier;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

/** One extension. */
export interface ExtensionValue {
  readonly critical: boolean;
  /** DER. */
  readonly value: Uint8Array;
}

/** A certificate taken apart. All bytes as they stand in it. */
export interface CertificateParts {
  readonly serial: Buffer;
  readonly issuerName: Buffer;
  readonly subjectName: Buffer;
  /** The content of the BIT STRING of the subject's key: what OCSP hashes. */
  readonly keyBits: Buffer;
  /** By identifier. */
  readonly extensions: ReadonlyMap<string, ExtensionValue>;
  readonly signed: SignedBytes;
}

const known = new WeakMap<X509Certificate, CertificateParts>();

/**
 * Takes a certificate apart; a second time costs nothing.
 *
 * @throws Error where the library cannot read what OpenSSL could
 */
export function certificateParts(certificate: X509Certificate): CertificateParts {
  let parts = known.get(certificate);
  if (parts === undefined) {
    parts = takeApart(certificate.raw);
    known.set(certificate, parts);
  }
  return parts;
}

function takeApart(der: Uint8Array): CertificateParts {
  const { AsnConvert } = asn1Schema();
  const whole = AsnConvert.parse(der, certificateShape());
  const { tbs, tbsRaw, signatureAlgorithm, signature } = whole;
  if (tbsRaw === undefined) throw new Error('the certificate has no signed part');
  const extensions = new Map<string, ExtensionValue>();
  for (const { extnID, critical, extnValue } of tbs.extensions ?? []) {
    if (extensions.has(extnID)) throw new Error(`the extension ${extnID} is there twice`);
    extensions.set(extnID, { critical, value: new Uint8Array(extnValue.buffer) });
  }
  return {
    serial: Buffer.from(tbs.serialNumber),
    issuerName: Buffer.from(tbs.issuer),
    subjectName: Buffer.from(tbs.subject),
    keyBits: Buffer.from(tbs.subjectPublicKeyInfo.subjectPublicKey),
    extensions,
    signed: {
      algorithm: signatureAlgorithm,
      data: bytesOf(tbsRaw),
      signature: new Uint8Array(signature),
    },
  };
}

/** The library hands out bytes as either. */
export function bytesOf(bytes: ArrayBuffer | Uint8Array): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
}

/**
 * Is it one DER element with nothing behind it? The library stops at the end of the first element
 * and takes the indefinite lengths of BER as well.
 */
export function isOneElement(der: Uint8Array): boolean {
  const first = der[1];
  if (first === undefined) return false;
  if (first < 0x80) return der.length === 2 + first;
  const count = first & 0x7f;
  if (count === 0 || count > 4 || der.length < 2 + count) return false;
  let length = 0;
  for (let i = 0; i < count; i += 1) length = length * 256 + (der[2 + i] ?? 0);
  return length >= 0x80 && der.length === 2 + count + length;
}
