// The signed part of an OCSP response, as BasicOCSPResponse of RFC 6960, but with the certificates as
// they came: written anew by the library, their signatures might fail.

import type { ResponseData } from '@peculiar/asn1-ocsp';
import type { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { asn1Ocsp, asn1Schema, asn1X509, onFirstUse } from './asn1.ts';

/** What is read. */
export interface BasicResponse {
  data: ResponseData;
  /** The bytes of `data` that were signed. */
  dataRaw?: ArrayBuffer | Uint8Array;
  signatureAlgorithm: AlgorithmIdentifier;
  signature: ArrayBuffer;
  /** DER. */
  certificates?: ArrayBuffer[];
}

/** The class for the library to read it into. Its decorators are plain functions here. */
export const basicResponseShape = onFirstUse((): new () => BasicResponse => {
  const { AsnProp, AsnPropTypes } = asn1Schema();
  const { ResponseData } = asn1Ocsp();
  const { AlgorithmIdentifier } = asn1X509();
  class Shape {
    data: ResponseData = new ResponseData();
    dataRaw?: ArrayBuffer | Uint8Array;
    signatureAlgorithm: AlgorithmIdentifier = new AlgorithmIdentifier();
    signature: ArrayBuffer = new ArrayBuffer(0);
    certificates?: ArrayBuffer[];
  }
  AsnProp({ type: ResponseData, raw: true })(Shape.prototype, 'data');
  AsnProp({ type: AlgorithmIdentifier })(Shape.prototype, 'signatureAlgorithm');
  AsnProp({ type: AsnPropTypes.BitString })(Shape.prototype, 'signature');
  const certificates = { type: AsnPropTypes.Any, repeated: 'sequence', optional: true } as const;
  AsnProp({ ...certificates, context: 0 })(Shape.prototype, 'certificates');
  return Shape;
});
