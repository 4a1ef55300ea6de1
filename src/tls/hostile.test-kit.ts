// Certificates with a defect of one kind, for the tests of refusals: whatever the maker of test/kit
// takes. All are for `a.test`.

import {
  caExtensions,
  leafExtensions,
  makeCertificate,
  type Draft,
  type LeafExtensions,
  type Made,
} from '../../test/kit/certificate-maker.ts';
import { makeCrl } from '../pki/crl.ts';
import type { CrlOptions } from '../pki/crl.ts';
import type { PemFile } from './pem.ts';

/** A CA: self-signed, or under another. */
export function makeCa(commonName: string, draft: Partial<Draft> = {}): Promise<Made> {
  return makeCertificate({ commonName, issuer: null, extensions: caExtensions(), ...draft });
}

/** A server's certificate. */
export function makeLeaf(
  issuer: Made | null,
  extensions: LeafExtensions = {},
  draft: Partial<Draft> = {},
): Promise<Made> {
  return makeCertificate({
    commonName: 'leaf',
    issuer,
    extensions: leafExtensions({ dns: ['a.test'], ...extensions }),
    ...draft,
  });
}

/** As a file that was read. */
export function fileOf(path: string, ...made: readonly Pick<Made, 'pem'>[]): PemFile {
  return { path, pem: made.map((one) => one.pem).join('') };
}

/** A revocation list as a file that was read. */
export async function crlFile(issuer: Made, options: Partial<CrlOptions> = {}): Promise<PemFile> {
  return { path: 'list.crl', pem: await makeCrl({ revoked: [], ...options }, issuer) };
}
