// The signed part of an OCSP response, as BasicOCSPResponse of RFC 6960, but with the certificates as
// they came: written anew by the library, their signatures might fail.

import { AsnProp, AsnPropTypes } from '@peculiar/asn1-schema';
import { ResponseData } from '@peculiar/asn1-ocsp';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';

/** For the library to read. */
export class BasicResponse {
  data: ResponseData = new ResponseData();
  /** The bytes of `data` that were signed. */
  dataRaw?: ArrayBuffer | Uint8Array;
  signatureAlgorithm: AlgorithmIdentifier = new AlgorithmIdentifier();
  signature: ArrayBuffer = new ArrayBuffer(0);
  /** DER. */
  certificates?: ArrayBuffer[];
}

// The library's decorators are plain functions here.
AsnProp({ type: ResponseData, raw: true })(BasicResponse.prototype, 'data');
AsnProp({ type: AlgorithmIdentifier })(BasicResponse.prototype, 'signatureAlgorithm');
AsnProp({ type: AsnPropTypes.BitString })(BasicResponse.prototype, 'signature');
const certificates = { type: AsnPropTypes.Any, repeated: 'sequence', optional: true } as const;
AsnProp({ ...certificates, context: 0 })(BasicResponse.prototype, 'certificates');
