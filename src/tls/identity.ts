// Is a certificate for the name that we wanted? Subject alternative names only, DNS and IP
// (RFC 9525), and a wildcard is a whole left-most label. The common name counts only where it is
// asked for and there is no alternative name (RFC 6125, 6.4.4).

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';

/** The subject alternative names of a certificate, by kind. */
export interface AlternativeNames {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  /** Names of other kinds, as Node writes them: `URI:…`, `email:…`. */
  readonly other: readonly string[];
}

// Node quotes a name as a JSON string where it holds anything that could be taken for the list's
// own punctuation.
const entry = /(?:[^",]|"(?:[^"\\]|\\.)*")+/g;

/**
 * Takes Node's list of alternative names apart.
 *
 * @param list - `subjectAltName` of an X509Certificate
 */
export function readAlternativeNames(list: string | undefined): AlternativeNames {
  const dns: string[] = [];
  const ip: string[] = [];
  const other: string[] = [];
  for (const found of (list ?? '').match(entry) ?? []) {
    const name = found.trim();
    if (name.startsWith('DNS:')) dns.push(name.slice(4));
    else if (name.startsWith('IP Address:')) ip.push(name.slice(11));
    else if (name !== '') other.push(name);
  }
  return { dns, ip, other };
}

// Labels as in DNS; the underscore is allowed because it is in use. A quoted name never fits.
const label = '[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?';
const hostName = new RegExp(`^${label}(?:\\.${label})*\\.?$`);
const comparableName = new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*\\.?$`);
const comparableAddress = /^[0-9A-Fa-f:.]+$/;

/** Can this DNS name of a certificate be compared at all? Not one with strange characters in it. */
export function comparableDns(name: string): boolean {
  return comparableName.test(name);
}

/**
 * Checks a certificate against the name that was to be verified.
 *
 * @param wanted - host name or IP address, without brackets or port
 * @param list - `subjectAltName` of the certificate
 * @param commonName - for a certificate without DNS and IP names; null: it never counts
 * @returns null where the certificate is for that name, else the reason why it is not
 */
export function identityProblem(
  wanted: string,
  list: string | undefined,
  commonName: string | null = null,
): string | null {
  if (wanted === '') return 'there is no name to verify';
  const names = readAlternativeNames(list);
  if (names.dns.length === 0 && names.ip.length === 0) {
    if (commonName !== null) return commonNameProblem(wanted, commonName);
    return (
      'the certificate has no DNS name and no IP address among its subject alternative names ' +
      '(a common name is not a name: RFC 9525)'
    );
  }
  return namesProblem(wanted, names);
}

// A common name is a host name; an address in it has never meant anything.
function commonNameProblem(wanted: string, commonName: string): string | null {
  if (isIP(wanted) !== 0) return 'the certificate has no IP address among its names';
  return namesProblem(wanted, { dns: [commonName], ip: [], other: [] });
}

function namesProblem(wanted: string, names: AlternativeNames): string | null {
  if (isIP(wanted) === 0 && !hostName.test(wanted)) {
    return 'the wanted name is not a host name (one that is not ASCII is written as xn--...)';
  }
  // The list is written anew from names that cannot be mistaken for two, without a subject: so
  // Node never looks at a common name.
  const comparable = [
    ...names.dns.filter((name) => comparableName.test(name)).map((name) => `DNS:${name}`),
    ...names.ip
      .filter((address) => comparableAddress.test(address))
      .map((address) => `IP Address:${address}`),
  ];
  const asked = { subject: {}, subjectaltname: comparable.join(', ') };
  const failure = checkServerIdentity(wanted, asked as Parameters<typeof checkServerIdentity>[1]);
  return failure === undefined ? null : 'the certificate is for other names';
}

/**
 * The common name of a certificate, for `proxy_ssl_verify_cn`.
 *
 * @returns empty where there is none, or several: which of them is meant nobody knows
 */
export function commonNameOf(certificate: X509Certificate): string {
  const subject: unknown = certificate.toLegacyObject().subject;
  if (typeof subject !== 'object' || subject === null || !('CN' in subject)) return '';
  return typeof subject.CN === 'string' ? subject.CN : '';
}
