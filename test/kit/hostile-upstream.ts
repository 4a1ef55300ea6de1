// One row of the matrix of hostile upstreams, and the certificates that all rows share: a CA that the
// proxy trusts, one that it does not, and what hangs below them.

import { createHash } from 'node:crypto';
import type { ErrorCode } from '../../src/base/errors.ts';
import { makeCrl, type CrlOptions } from '../../src/pki/crl.ts';
import {
  caExtensions,
  leafExtensions,
  makeCertificate,
  writeFiles,
  type CertificateFiles,
  type Draft,
  type LeafExtensions,
  type Made,
} from './certificate-maker.ts';
import type { Scope } from './scope.ts';
import { makeTempFolder, removeFolder, writeIn } from './temp-folder.ts';
import { filesOf, nodePeer, opensslPeer, pairOf, type Peer } from './tls-peers.ts';

/** A server, and the location that leads to it. */
export interface Side {
  readonly start: (scope: Scope) => Promise<Peer>;
  /** For the location, beside `proxy_pass`. */
  readonly directives: string;
}

/** A server with one defect, and its twin without. */
export interface HostileUpstream {
  readonly name: string;
  readonly code: ErrorCode;
  readonly bad: Side;
  readonly good: Side;
  /** What the line of the error log must say of the cause. */
  readonly says: RegExp;
  /** What must stand behind "to mend this: ". */
  readonly mend: RegExp;
  /** The certificate that is presented and judged: the line has its dates and its fingerprint. */
  readonly presents?: Made;
}

/** The certificates of the matrix. */
export class HostilePki {
  readonly root: Made;
  readonly intermediate: Made;
  /** Nobody trusts it. */
  readonly stranger: Made;
  /** For `a.test`, of the root, in order in every way. */
  readonly a: Made;
  /** Paths of the two roots. */
  readonly rootFile: string;
  readonly strangerFile: string;
  readonly #folder: string;
  readonly #files = new Map<string, CertificateFiles>();
  #count = 0;

  private constructor(folder: string, made: readonly [Made, Made, Made, Made]) {
    this.#folder = folder;
    [this.root, this.intermediate, this.stranger, this.a] = made;
    this.rootFile = this.write(this.root.pem);
    this.strangerFile = this.write(this.stranger.pem);
  }

  /** Makes all keys; the files go away with the process. */
  static async create(): Promise<HostilePki> {
    const folder = makeTempFolder();
    process.on('exit', () => removeFolder(folder));
    const authority = (commonName: string, issuer: Made | null): Promise<Made> =>
      makeCertificate({ commonName, issuer, extensions: caExtensions() });
    const root = await authority('Matrix root', null);
    const stranger = await authority('Strange root', null);
    const intermediate = await authority('Matrix intermediate', root);
    const extensions = leafExtensions({ dns: ['a.test'] });
    const a = await makeCertificate({ commonName: 'a.test', issuer: root, extensions });
    return new HostilePki(folder, [root, intermediate, stranger, a]);
  }

  /** Writes a file; gives its path. */
  write(text: string | Buffer): string {
    this.#count += 1;
    return writeIn(this.#folder, `${this.#count}.pem`, text);
  }

  /** A certificate as files, written once. */
  files(one: Made): CertificateFiles {
    const known = this.#files.get(one.chainPem);
    if (known !== undefined) return known;
    this.#count += 1;
    const files = writeFiles(this.#folder, `${this.#count}`, one);
    this.#files.set(one.chainPem, files);
    return files;
  }

  /** A server's certificate for `a.test`, of the root; `more` is what is odd about it. */
  leaf(more: Partial<Draft> = {}, extensions: LeafExtensions = {}): Promise<Made> {
    return makeCertificate({
      commonName: 'a.test',
      issuer: this.root,
      extensions: leafExtensions({ dns: ['a.test'], ...extensions }),
      ...more,
    });
  }

  /** Path of a revocation list. */
  async crl(issuer: Made, options: Partial<CrlOptions> = {}): Promise<string> {
    return this.write(await makeCrl({ revoked: [], ...options }, issuer));
  }

  /** Directives: the root is trusted, the name is `a.test`, and more. */
  forA(more = ''): string {
    return `proxy_ssl_trusted_certificate ${this.rootFile}; proxy_ssl_name a.test; ${more}`;
  }

  /** Node's server with a certificate. */
  node(one: Made, options: { readonly staple?: Buffer; readonly ciphers?: string } = {}) {
    const { staple = null, ...tls } = options;
    return (scope: Scope): Promise<Peer> => nodePeer({ ...pairOf(one), ...tls }, scope, staple);
  }

  /** OpenSSL's server with a certificate. */
  openssl(one: Made, args: readonly string[] = []) {
    return (scope: Scope): Promise<Peer> =>
      opensslPeer([...filesOf(this.files(one)), ...args], scope);
  }
}

/** `proxy_ssl_pin`'s value for the key of a certificate. */
export function pinOf(one: Made): string {
  const spki = Buffer.from(one.certificate.publicKey.rawData);
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`;
}

/** In hexadecimal, lower case. */
export function fingerprintOf(one: Made): string {
  return createHash('sha256').update(Buffer.from(one.certificate.rawData)).digest('hex');
}
