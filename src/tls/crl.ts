// Revocation lists as files: what they are, whose, and until when. OpenSSL checks them against
// certificates; it says nothing of a list that nobody has renewed until every handshake fails.

import { createHash } from 'node:crypto';
import type { Name } from '@peculiar/asn1-x509';
import { asn1Schema, asn1X509 } from './asn1.ts';
import { isOneElement } from './certificate-der.ts';
import type { PemFile } from './pem.ts';
import { certificateError } from './pem.ts';

/** One revocation list. Times in milliseconds since the epoch. */
export interface CrlFacts {
  /** As messages show it: `CN=Test root, O=Example`. */
  readonly issuer: string;
  readonly thisUpdate: number;
  /** Null where it does not say; OpenSSL then takes it for ever. */
  readonly nextUpdate: number | null;
  /** This list alone, as OpenSSL takes it. */
  readonly pem: string;
  /** SHA-256 over the list, hex. */
  readonly fingerprint: string;
}

const block = /-----BEGIN ((?:X509 )?CRL)-----([\s\S]*?)-----END \1-----/g;
const start = /-----BEGIN (?:X509 )?CRL-----/g;

/**
 * Every revocation list of a file, in its order. PEM only, as in nginx: the blocks may be called
 * `X509 CRL` or `CRL`, and certificates between them are passed over.
 *
 * @throws SallyportError CERTIFICATE_INVALID where there is none, or one cannot be read
 */
export function readCrls(file: PemFile): readonly CrlFacts[] {
  const starts = file.pem.match(start)?.length ?? 0;
  if (starts === 0) {
    const reason = looksLikeDer(file.pem)
      ? 'it is DER; write it as PEM: openssl crl -inform DER -in FILE -out FILE.pem'
      : 'there is no CRL in it';
    throw certificateError(file.path, reason);
  }
  const blocks = [...file.pem.matchAll(block)];
  if (blocks.length < starts) {
    throw certificateError(file.path, `CRL ${blocks.length + 1} is cut off`);
  }
  return blocks.map((one, i) => readCrl(file.path, one[2] ?? '', i + 1));
}

function looksLikeDer(text: string): boolean {
  return text.charCodeAt(0) === 0x30 && !/^[\x20-\x7e\s]*$/.test(text.slice(0, 64));
}

function readCrl(path: string, base64: string, number: number): CrlFacts {
  const der = Buffer.from(base64, 'base64');
  try {
    if (!isOneElement(der)) throw new Error('it is not one DER element');
    const { tbsCertList } = asn1Schema().AsnConvert.parse(der, asn1X509().CertificateList);
    const { issuer, thisUpdate, nextUpdate } = tbsCertList;
    return {
      issuer: nameText(issuer),
      thisUpdate: thisUpdate.getTime().getTime(),
      nextUpdate: nextUpdate?.getTime().getTime() ?? null,
      pem: toPem(der),
      fingerprint: createHash('sha256').update(der).digest('hex'),
    };
  } catch (error) {
    throw certificateError(path, `CRL ${number} is malformed`, error);
  }
}

// Node drops blocks with the label `CRL` without a word.
function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN X509 CRL-----', ...lines, '-----END X509 CRL-----', ''].join('\n');
}

const shortNames = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
]);

// Most specific part first, as RFC 2253 writes names.
function nameText(name: Name): string {
  return [...name]
    .map((set) =>
      [...set].map(({ type, value }) => `${shortNames.get(type) ?? type}=${value.toString()}`),
    )
    .reverse()
    .flat()
    .join(', ');
}

/**
 * A warning for each list of a file whose time is over or has not come: the file, the issuer, and
 * the date. OpenSSL refuses every certificate of that issuer then.
 *
 * @param at - the time to judge by, milliseconds since the epoch; default: now
 */
export function crlFindings(
  file: PemFile,
  crls: readonly CrlFacts[],
  at: number = Date.now(),
): string[] {
  const inForce = new Set(
    crls.filter((one) => one.thisUpdate <= at && at <= endOf(one)).map(({ issuer }) => issuer),
  );
  // Of several lists of one issuer OpenSSL takes the one that is in force.
  return crls
    .filter(({ issuer }) => !inForce.has(issuer))
    .map(({ issuer, thisUpdate, nextUpdate }) => {
      const when =
        nextUpdate === null || thisUpdate > at
          ? `is not valid before ${dateText(thisUpdate)}`
          : `was to be renewed by ${dateText(nextUpdate)} (nextUpdate)`;
      return `"${file.path}": the CRL of "${issuer}" ${when}: its certificates are refused`;
    });
}

function endOf({ nextUpdate }: CrlFacts): number {
  return nextUpdate ?? Number.POSITIVE_INFINITY;
}

/**
 * When the lists of some issuer are all out of date, in milliseconds since the epoch; Infinity
 * where that never happens. What was verified with them must not be believed any longer then.
 */
export function crlExpiry(crls: readonly CrlFacts[]): number {
  const ends = new Map<string, number>();
  for (const one of crls) {
    ends.set(one.issuer, Math.max(ends.get(one.issuer) ?? 0, endOf(one)));
  }
  return Math.min(Number.POSITIVE_INFINITY, ...ends.values());
}

function dateText(time: number): string {
  return new Date(time).toISOString();
}
