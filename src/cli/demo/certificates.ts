// A public key infrastructure for an hour: a CA of our own with certificates for two servers and
// for the proxy as their client, and the CA of an impostor. All of it is made anew for each run.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority } from '../../pki/authority.ts';
import type { LeafOptions } from '../../pki/authority.ts';

/** The name that the servers' certificates are for. It is in no DNS. */
export const backendName = 'backend.demo.internal';

/** What a TLS server of the demo loads. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
}

/** Everything that was issued. Files for the proxy are in the folder. */
export interface Certificates {
  readonly caPem: string;
  readonly backends: readonly ServerIdentity[];
  readonly impostor: ServerIdentity;
}

const hourMs = 3_600_000;

/**
 * Issues all certificates and writes those that the proxy reads: `ca.pem`, `impostor-ca.pem`,
 * `client.pem` and `client.key`.
 */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const notAfter = new Date(Date.now() + 24 * hourMs);
  const ca = await CertificateAuthority.create({ commonName: 'Sallyport demo CA', notAfter });
  const other = await CertificateAuthority.create({ commonName: 'Impostor CA', notAfter });
  const client = await ca.issue({ commonName: 'sallyport', purpose: 'client', notAfter });
  const write = (name: string, pem: string): void =>
    writeFileSync(join(folder, name), pem, { mode: 0o600 });
  write('ca.pem', ca.certificatePem);
  write('impostor-ca.pem', other.certificatePem);
  write('client.pem', client.chainPem);
  write('client.key', client.keyPem);
  return {
    caPem: ca.certificatePem,
    backends: [await serverIdentity(ca, notAfter), await serverIdentity(ca, notAfter)],
    impostor: await serverIdentity(other, notAfter),
  };
}

async function serverIdentity(ca: CertificateAuthority, notAfter: Date): Promise<ServerIdentity> {
  const options: LeafOptions = {
    commonName: backendName,
    dns: [backendName],
    purpose: 'server',
    notAfter,
  };
  const { chainPem, keyPem } = await ca.issue(options);
  return { cert: chainPem, key: keyPem };
}
