// The CAs that a policy trusts: from a file, or the system's. OpenSSL gets them as `ca` of a
// context and decides; we keep them parsed as well, because the verified path (for the depth and
// the dates) has to be found again by ourselves.

import { X509Certificate, createHash } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import type { PemFile } from './pem.ts';
import { readCertificates } from './pem.ts';
import { WeakCache } from './weak-cache.ts';

/** A set of trusted certificates. Immutable; equal sets are one object. */
export class TrustStore {
  /** Hash over the certificates. */
  readonly key: string;
  readonly certificates: readonly X509Certificate[];
  /**
   * For `ca` of a context. An empty list trusts nobody; leaving `ca` out would trust the world.
   * PEM, because DER is dropped by Node without an error.
   */
  readonly ca: string[];
  readonly #bySubject = new Map<string, X509Certificate[]>();

  constructor(certificates: readonly X509Certificate[], key: string) {
    this.certificates = certificates;
    this.key = key;
    this.ca = certificates.map((certificate) => certificate.toString());
    for (const certificate of certificates) {
      const same = this.#bySubject.get(certificate.subject);
      if (same === undefined) this.#bySubject.set(certificate.subject, [certificate]);
      else same.push(certificate);
    }
  }

  get size(): number {
    return this.certificates.length;
  }

  /** Is this very certificate in the set? */
  holds(certificate: X509Certificate): boolean {
    const same = this.#bySubject.get(certificate.subject) ?? [];
    return same.some((one) => one.raw.equals(certificate.raw));
  }

  /**
   * The trusted issuer of a certificate, null where there is none. One that is valid today goes
   * before one that is not, as in OpenSSL.
   */
  issuerOf(certificate: X509Certificate): X509Certificate | null {
    // Subject and issuer may be written in different string types and then differ as text though
    // they are the same name: look at all before giving up.
    const named = this.#bySubject.get(certificate.issuer) ?? [];
    return pickIssuer(named, certificate) ?? pickIssuer(this.certificates, certificate);
  }
}

/**
 * The first of the candidates that issued the certificate, by name and by signature, preferring one
 * valid today.
 */
export function pickIssuer(
  candidates: readonly X509Certificate[],
  certificate: X509Certificate,
): X509Certificate | null {
  let expired: X509Certificate | null = null;
  for (const candidate of candidates) {
    if (!certificate.checkIssued(candidate) || !isSignedBy(certificate, candidate)) continue;
    if (isValidToday(candidate)) return candidate;
    expired ??= candidate;
  }
  return expired;
}

// `checkIssued` compares names and key identifiers, which anybody can write into a certificate with
// another's public key: a pin, or an OCSP answer, would then hang on nothing.
function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** Is the present time within the certificate's dates? */
export function isValidToday(certificate: X509Certificate): boolean {
  const time = Date.now();
  return certificate.validFromDate.getTime() <= time && time <= certificate.validToDate.getTime();
}

/** Trusts nobody: for hops whose verification is off, and servers that name no CA. */
export const emptyTrust: TrustStore = new TrustStore([], 'nobody');

const stores = new WeakCache<TrustStore>();
let system: TrustStore | null = null;

/**
 * The CAs of a file, or of several.
 *
 * @throws SallyportError CERTIFICATE_INVALID where a file holds none or one is malformed
 */
export function fileTrust(...files: readonly PemFile[]): TrustStore {
  return storeOf(files.flatMap((file) => readCertificates(file)));
}

/**
 * The system's trust store, read once per thread.
 *
 * @throws SallyportError CERTIFICATE_INVALID where the system has no trusted certificates at all
 */
export function systemTrust(): TrustStore {
  if (system !== null) return system;
  // Node lists a certificate once for every file and link that it is found in.
  const unique = [...new Set(getCACertificates('system'))];
  if (unique.length === 0) {
    throw new SallyportError(
      'CERTIFICATE_INVALID',
      "the system's trust store holds no certificates: install the system's CA certificates " +
        '(the package is mostly called ca-certificates), or set proxy_ssl_trusted_certificate',
    );
  }
  system = storeOf(unique.map((pem) => new X509Certificate(pem)));
  return system;
}

function storeOf(certificates: readonly X509Certificate[]): TrustStore {
  const hash = createHash('sha256');
  for (const certificate of certificates) hash.update(certificate.raw);
  const key = hash.digest('hex');
  return stores.get(key, () => new TrustStore(certificates, key));
}
