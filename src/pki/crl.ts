// A revocation list, signed by the authority that issued the certificates in it (RFC 5280, 5).

import { signingAlgorithm } from './certificate.ts';
import type { Signer } from './certificate.ts';
import {
  AuthorityKeyIdentifierExtension,
  Extension,
  X509Certificate,
  X509CrlGenerator,
  X509CrlReason,
} from './x509.ts';

/** What a revocation list says. */
export interface CrlOptions {
  /** The revoked certificates, PEM; none makes an empty list. */
  readonly revoked: readonly string[];
  /** Default: one hour ago. */
  readonly thisUpdate?: Date;
  /** Until when verifiers accept the list. Default: 30 days from now. */
  readonly nextUpdate?: Date;
}

const crlNumberId = '2.5.29.20';
const hourMs = 3_600_000;
const monthMs = 30 * 24 * hourMs;

/** Makes the list as PEM, with the label `X509 CRL` that openssl insists on. */
export async function makeCrl(options: CrlOptions, signer: Signer): Promise<string> {
  const thisUpdate = options.thisUpdate ?? new Date(Date.now() - hourMs);
  const crl = await X509CrlGenerator.create({
    issuer: signer.certificate.subjectName,
    thisUpdate,
    nextUpdate: options.nextUpdate ?? new Date(Date.now() + monthMs),
    entries: options.revoked.map((pem) => ({
      serialNumber: new X509Certificate(pem).serialNumber,
      revocationDate: thisUpdate,
      reason: X509CrlReason.keyCompromise,
    })),
    extensions: [
      await AuthorityKeyIdentifierExtension.create(signer.keys.publicKey),
      new Extension(crlNumberId, false, crlNumber()),
    ],
    signingAlgorithm,
    signingKey: signer.keys.privateKey,
  });
  const base64 = Buffer.from(crl.rawData).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN X509 CRL-----', ...lines, '-----END X509 CRL-----', ''].join('\n');
}

// Lists of one issuer must count upwards (RFC 5280, 5.2.3), and nothing here remembers the last
// one: the milliseconds since the epoch do, as a DER INTEGER. Six octets hold them, and their first
// is neither zero nor above 0x7f, until the year 6429.
function crlNumber(): Buffer {
  const der = Buffer.from([0x02, 6, 0, 0, 0, 0, 0, 0]);
  der.writeUIntBE(Date.now(), 2, 6);
  return der;
}
