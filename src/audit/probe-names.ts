// Names that a presented certificate is really for: what a hop could be told to verify instead.

import { isIP } from 'node:net';
import type { X509Certificate } from 'node:crypto';
import { commonNameOf, identityProblem, readAlternativeNames } from '../tls/identity.ts';
import { parseWantedSan, type WantedSan } from '../tls/wanted-san.ts';
import type { Dialect } from './model.ts';

/**
 * Is the certificate for this name, by the rules of whose configuration it is? nginx compares an
 * address with DNS names only, and takes the common name where there is no DNS name.
 */
export function isFor(
  leaf: X509Certificate,
  name: string,
  how: { readonly dialect: Dialect; readonly commonName: boolean },
): boolean {
  if (how.dialect === 'nginx' && isIP(name) !== 0) return false;
  const commonName = how.commonName ? commonNameOf(leaf) : null;
  return identityProblem(name, leaf.subjectAltName, commonName) === null;
}

/**
 * Names to verify that would fit, best first.
 *
 * @param known - names of the configuration: one of those is better than any other
 */
export function fittingNames(
  leaf: X509Certificate,
  known: readonly string[],
  how: { readonly dialect: Dialect; readonly commonName: boolean },
): readonly string[] {
  const { dns, ip } = readAlternativeNames(leaf.subjectAltName);
  const hosts = dns.map((name) => (name.startsWith('*.') ? below(name.slice(2), known) : name));
  const common = how.commonName ? [commonNameOf(leaf)] : [];
  const all = [...known, ...hosts, ...ip, ...common];
  return [...new Set(all)].filter((name) => name !== '' && isFor(leaf, name, how));
}

// A name below a wildcard: the beginning of a name that is known, or any.
function below(domain: string, known: readonly string[]): string {
  for (const name of known) {
    if (isIP(name) !== 0 || !name.endsWith(`.${domain}`)) continue;
    const label = name
      .slice(0, -domain.length - 1)
      .split('.')
      .at(-1);
    if (label !== undefined && label !== '') return `${label}.${domain}`;
  }
  return `www.${domain}`;
}

/** The URI names of a certificate as `proxy_ssl_san` takes them; then its DNS names. */
export function presentedSans(leaf: X509Certificate): readonly WantedSan[] {
  const { dns, other } = readAlternativeNames(leaf.subjectAltName);
  const uris = other.filter((name) => name.startsWith('URI:'));
  return [...uris.map((name) => `uri:${name.slice(4)}`), ...dns.map((name) => `dns:${name}`)]
    .map(parseWantedSan)
    .filter((san) => typeof san !== 'string');
}
