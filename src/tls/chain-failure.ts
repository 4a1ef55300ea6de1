// OpenSSL's verdict on a chain in words: which code, what exactly, and what mends it. Node names
// only some of the verdicts, so the rest is found again in the certificates themselves.

import type { X509Certificate } from 'node:crypto';
import { now } from '../base/clock.ts';
import { allowsServerAuth, isCa, publicKeyOf } from './certificate-extensions.ts';
import type { CrlFacts } from './crl.ts';
import { quoted } from './log-text.ts';
import { dn } from './peer-description.ts';
import { pickIssuer } from './trust-store.ts';
import type { TrustStore } from './trust-store.ts';
import type { UpstreamTlsPolicy } from './upstream-policy.ts';
import { missingIssuer, presentedChain } from './verified-path.ts';
import type { VerifyErrorRow } from './verify-errors.ts';
import { unnamedRow, unspecifiedRow, verifyErrorRow } from './verify-errors.ts';
import { weaknessOf } from './weakness.ts';
import type { FailureText } from './failure-text.ts';

/** What OpenSSL found, and in what. */
export interface ChainVerdict {
  /** Node's name for it: `CERT_HAS_EXPIRED`. */
  readonly name: string;
  /** OpenSSL's text; null where Node does not tell it. */
  readonly text: string | null;
  readonly leaf: X509Certificate | null;
  readonly policy: UpstreamTlsPolicy;
}

/** Null where the name is not one of a verdict. */
export function chainFailure(verdict: ChainVerdict): FailureText | null {
  const row = rowOf(verdict);
  if (row === null) return null;
  const { name, leaf, policy } = verdict;
  const text = row.text === '' ? 'OpenSSL refused it and Node.js does not tell why' : row.text;
  const detail = leaf === null ? '' : detailOf(row, leaf, policy);
  const issuer = leaf === null ? 'its issuer' : issuerName(leaf, policy.trust);
  return {
    code: row.code,
    what: `${text} (${name})${detail}`,
    mend: row.mend.replaceAll('{issuer}', issuer),
  };
}

function rowOf({ name, text, leaf, policy }: ChainVerdict): VerifyErrorRow | null {
  const row = verifyErrorRow(name);
  if (name === 'UNSPECIFIED' && text !== null) return unspecifiedRow(text);
  if (row === null || leaf === null) return row;
  if (name === 'INVALID_PURPOSE' && isIssuersFault(leaf)) return verifyErrorRow('INVALID_CA');
  if (name !== 'UNSPECIFIED') return row;
  const found = weaknessOf(likelyPath(leaf, policy.trust), policy.settings.ciphers);
  return found === null ? row : unnamedRow(found);
}

// OpenSSL has one verdict for a leaf that is no server's and for an issuer that is no CA.
function isIssuersFault(leaf: X509Certificate): boolean {
  return (
    allowsServerAuth(leaf) &&
    presentedChain(leaf)
      .slice(1)
      .some((one) => !isCa(one))
  );
}

function likelyPath(leaf: X509Certificate, trust: TrustStore): readonly X509Certificate[] {
  const presented = presentedChain(leaf);
  const path = [...presented];
  const last = path.at(-1) ?? leaf;
  const root = last.subject === last.issuer ? null : pickIssuer(trust.certificates, last);
  if (root !== null) path.push(root);
  return path;
}

function detailOf(row: VerifyErrorRow, leaf: X509Certificate, policy: UpstreamTlsPolicy): string {
  const path = likelyPath(leaf, policy.trust);
  switch (row.code) {
    case 'UPSTREAM_TLS_CRL_MISSING':
      return uncovered(path, policy.crls);
    case 'UPSTREAM_TLS_CRL_EXPIRED':
      return staleLists(path, policy.crls);
    case 'UPSTREAM_TLS_WEAK_KEY':
    case 'UPSTREAM_TLS_WEAK_SIGNATURE':
      return `: ${path.slice(0, mostNamed).map(strengthOf).join(', ')}`;
    case 'UPSTREAM_TLS_WRONG_PURPOSE': {
      const purposes: readonly string[] | undefined = leaf.keyUsage;
      return purposes === undefined ? '' : `: its extended key usage is ${purposes.join(', ')}`;
    }
    default:
      return '';
  }
}

/** A peer may present any number; a line stays readable. */
const mostNamed = 6;

function strengthOf(certificate: X509Certificate): string {
  const key = publicKeyOf(certificate);
  const details = key?.asymmetricKeyDetails;
  const type = key?.asymmetricKeyType ?? 'unknown';
  const size = details?.modulusLength ?? details?.namedCurve ?? '';
  const signed = certificate.signatureAlgorithm ?? 'unknown';
  return `${dn(certificate.subject)} has a key ${type} ${size} and is signed with ${signed}`;
}

// As crl.ts writes issuers.
function nameInLists(lines: string): string {
  return lines.split('\n').reverse().join(', ');
}

function uncovered(path: readonly X509Certificate[], crls: readonly CrlFacts[]): string {
  const issuers = [...new Set(path.map((one) => nameInLists(one.issuer)))];
  const missing = issuers.filter((issuer) => !crls.some((crl) => crl.issuer === issuer));
  return missing.length === 0 ? '' : `: none of ${missing.map(quoted).join(', ')}`;
}

function staleLists(path: readonly X509Certificate[], crls: readonly CrlFacts[]): string {
  const issuers = path.map((one) => nameInLists(one.issuer));
  const stale = crls.filter(
    ({ issuer, thisUpdate, nextUpdate }) =>
      issuers.includes(issuer) &&
      (thisUpdate > now() || (nextUpdate !== null && nextUpdate < now())),
  );
  return stale
    .map(({ issuer, thisUpdate, nextUpdate }) => {
      const from = new Date(thisUpdate).toISOString();
      const to = nextUpdate === null ? 'none' : new Date(nextUpdate).toISOString();
      return `: the list of ${quoted(issuer)} has thisUpdate ${from}, nextUpdate ${to}`;
    })
    .join('');
}

function issuerName(leaf: X509Certificate, trust: TrustStore): string {
  const last = missingIssuer(leaf, trust) ?? leaf;
  return dn(last.issuer).slice(1, -1);
}
