// The parts of a certificate that node:crypto does not tell as they stand in it: names and key as
// bytes, the serial, the extensions. OCSP names certificates by hashes over exactly these bytes.

import type { X509Certificate } from 'node:crypto';
import { AsnConvert, AsnIntegerArrayBufferConverter, AsnProp } from '@peculiar/asn1-schema';
import { AsnPropTypes } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Extension, SubjectPublicKeyInfo } from '@peculiar/asn1-x509';

const nothing = new ArrayBuffer(0);

// As TBSCertificate and Certificate of RFC 5280, but names stay bytes: written anew they could come
// out otherwise than they were signed. The library's decorators are plain functions here.
class TbsShape {
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

class CertificateShape {
  tbs: TbsShape = new TbsShape();
  tbsRaw?: ArrayBuffer | Uint8Array;
  signatureAlgorithm: AlgorithmIdentifier = new AlgorithmIdentifier();
  signature: ArrayBuffer = nothing;
}

const any = AsnProp({ type: AsnPropTypes.Any });
const bits = AsnPropTypes.BitString;
const integer = { type: AsnPropTypes.Integer, converter: AsnIntegerArrayBufferConverter };
AsnProp({ type: AsnPropTypes.Integer, context: 0, defaultValue: 0 })(TbsShape.prototype, 'version');
AsnProp(integer)(TbsShape.prototype, 'serialNumber');
for (const field of ['signature', 'issuer', 'validity', 'subject']) any(TbsShape.prototype, field);
AsnProp({ type: SubjectPublicKeyInfo })(TbsShape.prototype, 'subjectPublicKeyInfo');
const unique = { type: bits, implicit: true, optional: true };
AsnProp({ ...unique, context: 1 })(TbsShape.prototype, 'issuerUniqueID');
AsnProp({ ...unique, context: 2 })(TbsShape.prototype, 'subjectUniqueID');
const list = { type: Extension, repeated: 'sequence', optional: true } as const;
AsnProp({ ...list, context: 3 })(TbsShape.prototype, 'extensions');
AsnProp({ type: TbsShape, raw: true })(CertificateShape.prototype, 'tbs');
AsnProp({ type: AlgorithmIdentifier })(CertificateShape.prototype, 'signatureAlgorithm');
AsnProp({ type: bits })(CertificateShape.prototype, 'signature');

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
  const { tbs, tbsRaw, signatureAlgorithm, signature } = AsnConvert.parse(der, CertificateShape);
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
