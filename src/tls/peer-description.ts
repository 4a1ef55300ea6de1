// What the log tells about a certificate that was refused: names, chain, dates, fingerprint. An
// operator must be able to compare it with what was meant without asking the upstream again.

import type { X509Certificate } from 'node:crypto';
import { plainHex } from './certificate-facts.ts';
import { rfc2253 } from './distinguished-name.ts';
import { readAlternativeNames } from './identity.ts';
import { quotedStart } from './log-text.ts';
import { isValidToday } from './trust-store.ts';
import type { TrustStore } from './trust-store.ts';
import { presentedChain } from './verified-path.ts';

// A peer chooses the lengths of all this: what we say ourselves must not be pushed out of the line.
const namesTextLimit = 400;
const nameLimit = 256;
const mostCertificates = 6;

/** The parts of the line, in order. */
export function describeCertificate(leaf: X509Certificate, trust: TrustStore): string[] {
  return [
    `presented names ${presentedNames(leaf)}`,
    `subject ${dn(leaf.subject)}`,
    `issuer ${dn(leaf.issuer)}`,
    `chain: ${chainText(leaf)}`,
    `valid from ${leaf.validFrom} to ${leaf.validTo}`,
    `sha256 ${plainHex(leaf.fingerprint256)}`,
    ...datedIssuers(leaf, trust),
  ];
}

/** A distinguished name in RFC 2253 form and quotation marks; of a long one the beginning. */
export function dn(lines: string): string {
  return quotedStart(rfc2253(lines), nameLimit);
}

function presentedNames(leaf: X509Certificate): string {
  const { dns, ip, other } = readAlternativeNames(leaf.subjectAltName);
  const all = [
    ...dns.map((name) => `DNS:${name}`),
    ...ip.map((name) => `IP Address:${name}`),
    ...other,
  ];
  if (all.length === 0) return 'none';
  let text = '';
  let shown = 0;
  for (const one of all) {
    const name = quotedStart(one, nameLimit);
    if (text.length + name.length > namesTextLimit) break;
    text += `${shown === 0 ? '' : ', '}${name}`;
    shown += 1;
  }
  return shown === all.length ? text : `${text} and ${all.length - shown} more`;
}

/** `"CN=leaf" <- "CN=Intermediate" <- "CN=Root"`: as presented, and who issued the last of them. */
function chainText(leaf: X509Certificate): string {
  const presented = presentedChain(leaf);
  const subjects = presented.map((one) => one.subject);
  const last = presented.at(-1);
  if (last !== undefined && last.issuer !== last.subject) subjects.push(last.issuer);
  if (subjects.length <= mostCertificates) return subjects.map(dn).join(' <- ');
  const left = subjects.length - mostCertificates;
  const top = dn(subjects.at(-1) ?? '');
  const first = subjects.slice(0, mostCertificates - 1).map(dn);
  return [...first, `${left} more`, top].join(' <- ');
}

// An expired CA above a leaf that is valid is hard to find otherwise.
function datedIssuers(leaf: X509Certificate, trust: TrustStore): string[] {
  const presented = presentedChain(leaf);
  const root = trust.issuerOf(presented.at(-1) ?? leaf);
  const issuers = [...presented.slice(1), ...(root === null ? [] : [root])];
  return issuers
    .filter((one) => !isValidToday(one))
    .slice(0, mostCertificates)
    .map((one) => `CA ${dn(one.subject)} valid from ${one.validFrom} to ${one.validTo}`);
}
