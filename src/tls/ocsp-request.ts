// Asks for the status of one certificate (RFC 6960, 4.1). No nonce: responders of public CAs answer
// from a cache, and what protects here is the short life of an answer.

import type { X509Certificate } from 'node:crypto';
import { asn1Ocsp, asn1Schema, asn1X509 } from './asn1.ts';
import { certificateParts } from './certificate-der.ts';
import { hashName, hashKey } from './ocsp-cert-id.ts';

// Every responder knows SHA-1 here, and few know anything else (RFC 5019, 2.1.1). It hides
// nothing and proves nothing: it only says which certificate is meant.
const sha1 = '1.3.14.3.2.26';

/**
 * The request, DER.
 *
 * @throws Error where a certificate cannot be taken apart
 */
export function ocspRequest(leaf: X509Certificate, issuer: X509Certificate): Buffer {
  const { AsnConvert, OctetString } = asn1Schema();
  const { CertID, OCSPRequest, Request, TBSRequest } = asn1Ocsp();
  const { AlgorithmIdentifier } = asn1X509();
  const { serial, issuerName } = certificateParts(leaf);
  const reqCert = new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: sha1, parameters: null }),
    issuerNameHash: new OctetString(hashName('sha1', issuerName)),
    issuerKeyHash: new OctetString(hashKey('sha1', issuer)),
    serialNumber: Uint8Array.from(serial).buffer,
  });
  const tbsRequest = new TBSRequest({ requestList: [new Request({ reqCert })] });
  return Buffer.from(AsnConvert.serialize(new OCSPRequest({ tbsRequest })));
}
