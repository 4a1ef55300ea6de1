// A small private certificate authority: for the demo, for tests, and for whoever needs
// certificates on internal hops and has no CA yet. ECDSA P-256, everything in memory; writing the
// files (the key with mode 0600) is the caller's.

import {
  certificatePem,
  loadSigner,
  makeAuthority,
  makeLeaf,
  privateKeyPem,
} from './certificate.ts';
import type { LeafOptions, Signed, Validity } from './certificate.ts';
import { makeCrl } from './crl.ts';
import type { CrlOptions } from './crl.ts';

export type { LeafOptions, Purpose, Validity } from './certificate.ts';
export type { CrlOptions } from './crl.ts';

/** A certificate as servers and clients load it. */
export interface Issued {
  /** The certificate alone. */
  readonly certificatePem: string;
  /** Its private key: PKCS#8, unencrypted. Secret. */
  readonly keyPem: string;
  /** The certificate, then the intermediates up to, but without, the root: `ssl_certificate`. */
  readonly chainPem: string;
}

/** A new authority: its name and its dates (default: ten years). */
export interface AuthorityOptions extends Validity {
  readonly commonName: string;
}

const authorityDays = 3650;

/** Signs certificates. A root from `create`, an intermediate from `issueIntermediate`. */
export class CertificateAuthority {
  readonly certificatePem: string;
  /** Secret: whoever has it can be every server of this authority. */
  readonly keyPem: string;
  readonly #signer: Signed;
  /** Certificates that a leaf needs beside its own: this one and those above, without the root. */
  readonly #intermediates: string;

  private constructor(signer: Signed, intermediates: string) {
    this.#signer = signer;
    this.#intermediates = intermediates;
    this.certificatePem = certificatePem(signer.certificate);
    this.keyPem = privateKeyPem(signer.keys);
  }

  /** Makes a self-signed root. */
  static async create(options: AuthorityOptions): Promise<CertificateAuthority> {
    const validity = { days: authorityDays, ...options };
    return new CertificateAuthority(await makeAuthority(options.commonName, validity, null), '');
  }

  /**
   * A root that was made before.
   *
   * @throws where one of the texts cannot be read, or the key is another certificate's
   */
  static async load(certificate: string, key: string): Promise<CertificateAuthority> {
    return new CertificateAuthority(await loadSigner(certificate, key), '');
  }

  /** Makes an authority below this one. It never outlives this one unless `notAfter` says so. */
  async issueIntermediate(options: AuthorityOptions): Promise<CertificateAuthority> {
    const validity = { days: authorityDays, ...options };
    const signed = await makeAuthority(options.commonName, validity, this.#signer);
    return new CertificateAuthority(
      signed,
      certificatePem(signed.certificate) + this.#intermediates,
    );
  }

  /**
   * Issues a certificate for a server or client. Default validity: 90 days, cut to this authority's
   * own end. Throws where a name or address is malformed.
   */
  async issue(options: LeafOptions): Promise<Issued> {
    return issued(await makeLeaf(options, this.#signer), this.#intermediates);
  }

  /** The list of revoked certificates, PEM, signed by this authority. */
  crl(options: CrlOptions): Promise<string> {
    return makeCrl(options, this.#signer);
  }
}

/** Makes a certificate that is its own issuer, and no authority. No verifier trusts it unasked. */
export async function selfSigned(options: LeafOptions): Promise<Issued> {
  return issued(await makeLeaf(options, null), '');
}

function issued(signed: Signed, intermediates: string): Issued {
  const pem = certificatePem(signed.certificate);
  return {
    certificatePem: pem,
    keyPem: privateKeyPem(signed.keys),
    chainPem: pem + intermediates,
  };
}
