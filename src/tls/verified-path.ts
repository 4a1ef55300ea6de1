// The path from a leaf to a trusted root, found again after OpenSSL has verified the chain: Node
// tells neither the path nor takes a depth. It follows OpenSSL's order (trusted issuers first, then
// presented ones) and is asked only about chains that are already verified. All the same signatures
// are looked at once more: pins, depth and OCSP must not hang on a certificate of the right name.

import type { X509Certificate } from 'node:crypto';
import type { TrustStore } from './trust-store.ts';
import { pickIssuer } from './trust-store.ts';

/** More certificates than any honest chain has; a bound against loops of cross-signed CAs. */
const longestPath = 32;

/**
 * The certificates that a peer presented: leaf first, then as they came over the wire. One that came
 * twice, as the leaf of many a server does, counts once.
 */
export function presentedChain(leaf: X509Certificate): readonly X509Certificate[] {
  const chain = [leaf];
  let current = leaf;
  for (let steps = 1; steps < longestPath; steps += 1) {
    const next = current.issuerCertificate;
    if (next === undefined || next === current) break;
    if (!chain.some((one) => one.raw.equals(next.raw))) chain.push(next);
    current = next;
  }
  return chain;
}

/**
 * Leaf first, trusted self-signed certificate last; each is signed with the key of the next.
 *
 * @returns null where no path can be found, which callers must take as a refusal
 */
export function findVerifiedPath(
  leaf: X509Certificate,
  trust: TrustStore,
): readonly X509Certificate[] | null {
  const presented = presentedChain(leaf);
  const path = [leaf];
  let current = leaf;
  while (path.length <= longestPath) {
    if (current.subject === current.issuer && trust.holds(current)) return path;
    const issuer = trust.issuerOf(current) ?? pickIssuer(unused(presented, path), current);
    if (issuer === null) return null;
    path.push(issuer);
    current = issuer;
  }
  return null;
}

function unused(
  presented: readonly X509Certificate[],
  path: readonly X509Certificate[],
): readonly X509Certificate[] {
  return presented.filter((one) => !path.some((used) => used.raw.equals(one.raw)));
}

/**
 * How many CAs lie between leaf and root: what `ssl_verify_depth` and `proxy_ssl_verify_depth`
 * limit, as OpenSSL counts.
 */
export function intermediatesOf(path: readonly X509Certificate[]): number {
  return Math.max(0, path.length - 2);
}

/** When the first certificate of the path expires, in milliseconds since the epoch. */
export function expiryOf(path: readonly X509Certificate[]): number {
  return path.reduce(
    (earliest, one) => Math.min(earliest, one.validToDate.getTime()),
    Number.POSITIVE_INFINITY,
  );
}

/**
 * The name of the issuer that is missing at the end of a chain that does not reach a trusted CA.
 * Null where the chain is complete.
 */
export function missingIssuer(leaf: X509Certificate, trust: TrustStore): X509Certificate | null {
  const presented = presentedChain(leaf);
  const path = [leaf];
  let current = leaf;
  while (path.length <= longestPath) {
    if (current.subject === current.issuer) return trust.holds(current) ? null : current;
    const issuer = trust.issuerOf(current) ?? pickIssuer(unused(presented, path), current);
    if (issuer === null) return current;
    path.push(issuer);
    current = issuer;
  }
  return current;
}
