// Who may sign an OCSP response (RFC 6960, 4.2.2.2): the issuer of the certificate, or a responder
// whose certificate that same issuer issued directly, for this purpose.

import { X509Certificate } from 'node:crypto';
import type { ResponderID } from '@peculiar/asn1-ocsp';
import { asn1Schema, asn1X509 } from './asn1.ts';
import type { SignedBytes } from './certificate-der.ts';
import { certificateParts } from './certificate-der.ts';
import { hashKey } from './ocsp-cert-id.ts';
import { signatureProblem } from './signatures.ts';

/** A response as far as its signer goes. */
export interface SignedResponse {
  readonly responder: ResponderID;
  readonly signed: SignedBytes;
  /** Of the responder, and perhaps others; DER. */
  readonly certificates: readonly ArrayBuffer[];
}

/** More certificates than any responder sends; each costs a signature to check. */
const mostCertificates = 8;

/**
 * Why the signature does not count; null where it does.
 *
 * @throws Error where something is malformed
 */
export function signerProblem(
  response: SignedResponse,
  issuer: X509Certificate,
  at: number,
): string | null {
  const { responder, signed, certificates } = response;
  let problem = 'its signer is neither the issuer nor a certificate in it';
  if (isResponder(responder, issuer)) {
    const found = signatureProblem(signed, issuer.publicKey);
    if (found === null) return null;
    problem = found;
  }
  for (const der of certificates.slice(0, mostCertificates)) {
    const certificate = new X509Certificate(new Uint8Array(der));
    if (certificate.raw.equals(issuer.raw) || !isResponder(responder, certificate)) continue;
    const found =
      delegateProblem(certificate, issuer, at) ?? signatureProblem(signed, certificate.publicKey);
    if (found === null) return null;
    problem = found;
  }
  return problem;
}

function isResponder({ byName, byKey }: ResponderID, certificate: X509Certificate): boolean {
  if (byKey !== undefined) {
    return hashKey('sha1', certificate).equals(new Uint8Array(byKey.buffer));
  }
  if (byName === undefined) return false;
  // Both through the library, so that both are written in one way. This only picks the key.
  const { AsnConvert } = asn1Schema();
  const subject = AsnConvert.parse(certificateParts(certificate).subjectName, asn1X509().Name);
  return Buffer.from(AsnConvert.serialize(byName)).equals(
    Buffer.from(AsnConvert.serialize(subject)),
  );
}

const keyUsageId = '2.5.29.15';
const ocspSigning = '1.3.6.1.5.5.7.3.9';
// Key usages, basic constraints, names, key identifiers, policies: what a responder's may mark.
const understood = new Set([
  keyUsageId,
  '2.5.29.37',
  '2.5.29.19',
  '2.5.29.17',
  '2.5.29.14',
  '2.5.29.35',
  '2.5.29.32',
  '1.3.6.1.5.5.7.48.1.5',
]);

function delegateProblem(
  certificate: X509Certificate,
  issuer: X509Certificate,
  at: number,
): string | null {
  const { signed, extensions } = certificateParts(certificate);
  if (!certificate.checkIssued(issuer)) return 'its responder has a certificate of another issuer';
  if (signatureProblem(signed, issuer.publicKey) !== null) {
    return "the responder's certificate is not signed by the issuer";
  }
  // Under this name Node gives the extended key usage. "Any" is not enough.
  if (certificate.keyUsage?.includes(ocspSigning) !== true) {
    return "the responder's certificate is not for signing OCSP responses";
  }
  const usage = extensions.get(keyUsageId);
  if (usage !== undefined && !maySign(usage.value)) {
    return "the responder's certificate is not for signing";
  }
  if ([...extensions].some(([id, one]) => one.critical && !understood.has(id))) {
    return "the responder's certificate has an unknown critical extension";
  }
  const inTime =
    certificate.validFromDate.getTime() <= at && at <= certificate.validToDate.getTime();
  return inTime ? null : "the responder's certificate is not valid at this time";
}

function maySign(keyUsage: Uint8Array): boolean {
  const { KeyUsage, KeyUsageFlags } = asn1X509();
  const flags = asn1Schema().AsnConvert.parse(keyUsage, KeyUsage).toNumber();
  return (flags & (KeyUsageFlags.digitalSignature | KeyUsageFlags.nonRepudiation)) !== 0;
}
