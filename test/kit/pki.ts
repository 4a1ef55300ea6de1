// A throw-away PKI as files, made once per test process: what a TLS test needs of good and bad
// certificates. The names are those of the table below; the files disappear with the process.

import { CertificateAuthority, selfSigned } from '../../src/pki/authority.ts';
import type { Issued, LeafOptions } from '../../src/pki/authority.ts';
import { makeTempFolder, removeFolder, writeIn } from './temp-folder.ts';

/** A certificate as files for configurations and as text for `node:tls`. */
export interface KeyPair extends Issued {
  /** Path of the chain: leaf, then intermediates. */
  readonly certificate: string;
  /** Path of the private key. */
  readonly key: string;
  /** As `node:tls` takes it. */
  readonly tls: { readonly cert: string; readonly key: string };
}

const dayMs = 86_400_000;
const past = new Date(Date.now() - dayMs);
const future = new Date(Date.now() + dayMs);

function server(commonName: string, more: Partial<LeafOptions> = {}): LeafOptions {
  return { commonName, purpose: 'server', ...more };
}

// Who signs: `root`; `intermediate` (below root); `other`, a CA that nobody trusts; `self`.
const rows = {
  /** For `a.test`, in order in every way. */
  a: { by: 'root', options: server('a.test') },
  b: { by: 'root', options: server('b.test') },
  /** For `localhost`, 127.0.0.1 and ::1. */
  localhost: {
    by: 'root',
    options: server('localhost', { dns: ['localhost'], ip: ['127.0.0.1', '::1'] }),
  },
  wildcard: { by: 'root', options: server('*.wild.test') },
  spiffe: { by: 'root', options: server('spiffe', { uri: ['spiffe://a.test/web'] }) },
  /** For `a.test`, through an intermediate that the chain holds. */
  chained: { by: 'intermediate', options: server('a.test') },
  /** For `a.test`, but only in the common name. */
  nameless: { by: 'root', options: server('a.test', { withoutSans: true }) },
  expired: { by: 'root', options: server('a.test', { notAfter: past }) },
  notYetValid: { by: 'root', options: server('a.test', { notBefore: future }) },
  /** For `a.test`, but a client's certificate. */
  wrongPurpose: {
    by: 'root',
    options: server('a.test', { purpose: 'client', dns: ['a.test'] }),
  },
  revoked: { by: 'root', options: server('a.test') },
  /** For `a.test`, of the CA that is not trusted. */
  untrusted: { by: 'other', options: server('a.test') },
  selfSigned: { by: 'self', options: server('a.test') },
  client: { by: 'root', options: { commonName: 'client', purpose: 'client' } },
  expiredClient: {
    by: 'root',
    options: { commonName: 'expired client', purpose: 'client', notAfter: past },
  },
  untrustedClient: {
    by: 'other',
    options: { commonName: 'untrusted client', purpose: 'client' },
  },
} as const satisfies Record<
  string,
  { by: 'root' | 'intermediate' | 'other' | 'self'; options: LeafOptions }
>;

/** The certificates that there are. */
export type CertificateName = keyof typeof rows;

export interface TestPki extends Readonly<Record<CertificateName, KeyPair>> {
  readonly folder: string;
  /** Path and text of the trusted root. */
  readonly caFile: string;
  readonly ca: string;
  /** The same of the CA that signed what is untrusted. */
  readonly otherCaFile: string;
  readonly otherCa: string;
  readonly intermediateFile: string;
  /** Revocation list of the root; holds `revoked`. */
  readonly crlFile: string;
  /** The root itself, to issue what the table lacks. */
  readonly root: CertificateAuthority;
}

let made: Promise<TestPki> | null = null;

/** The PKI of this process; the first call makes it. */
export function testPki(): Promise<TestPki> {
  made ??= make();
  return made;
}

async function make(): Promise<TestPki> {
  const folder = makeTempFolder();
  process.on('exit', () => removeFolder(folder));
  const root = await CertificateAuthority.create({ commonName: 'Test root' });
  const other = await CertificateAuthority.create({ commonName: 'Other root' });
  const intermediate = await root.issueIntermediate({ commonName: 'Test intermediate' });
  const issue = (name: CertificateName): Promise<Issued> => {
    const { by, options } = rows[name];
    if (by === 'self') return selfSigned(options);
    return { root, other, intermediate }[by].issue(options);
  };
  const names = Object.keys(rows) as CertificateName[];
  const pairs = await Promise.all(
    names.map(async (name) => [name, writePair(folder, name, await issue(name))] as const),
  );
  const certificates = Object.fromEntries(pairs) as Record<CertificateName, KeyPair>;
  const crl = await root.crl({ revoked: [certificates.revoked.certificatePem] });
  return {
    ...certificates,
    folder,
    root,
    ca: root.certificatePem,
    caFile: writeIn(folder, 'ca.crt', root.certificatePem),
    otherCa: other.certificatePem,
    otherCaFile: writeIn(folder, 'other-ca.crt', other.certificatePem),
    intermediateFile: writeIn(folder, 'intermediate.crt', intermediate.certificatePem),
    crlFile: writeIn(folder, 'root.crl', crl),
  };
}

function writePair(folder: string, name: string, issued: Issued): KeyPair {
  return {
    ...issued,
    certificate: writeIn(folder, `${name}.crt`, issued.chainPem),
    key: writeIn(folder, `${name}.key`, issued.keyPem),
    tls: { cert: issued.chainPem, key: issued.keyPem },
  };
}
