// `proxy_ssl_san`: the subject alternative names of which an upstream's certificate must have one.
// They take the place of the name to verify: the certificate of a SPIFFE workload has a URI and no
// DNS name at all, so that the usual check could only ever fail.

import { isIP } from 'node:net';
import { comparableDns, identityProblem, readAlternativeNames } from './identity.ts';
import type { AlternativeNames } from './identity.ts';

/**
 * `dns:` may begin with a whole label `*`; `ip:` is an address; `uri:` is compared byte for byte
 * (SPIFFE: `spiffe://example.org/service`).
 */
export interface WantedSan {
  readonly kind: 'dns' | 'ip' | 'uri';
  /** Without its prefix; `dns` in lower case. */
  readonly value: string;
}

const dnsLabel = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;

/**
 * Reads one argument of `proxy_ssl_san`: `dns:*.example.org`, `ip:10.0.0.1`, `uri:spiffe://…`.
 *
 * @returns the reason, for the configuration's error, where it cannot be taken
 */
export function parseWantedSan(text: string): WantedSan | string {
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  const value = text.slice(colon + 1);
  if (kind === 'dns') return wantedDns(value);
  if (kind === 'ip') return wantedAddress(value);
  if (kind === 'uri') return wantedUri(value);
  return 'a name begins with "dns:", "ip:" or "uri:"';
}

function wantedDns(value: string): WantedSan | string {
  const name = value.toLowerCase().replace(/\.$/, '');
  if (name === '' || name.length > 253) return 'a DNS name has 1 to 253 characters';
  if (isIP(name) !== 0) return 'this is an IP address: write "ip:" before it';
  const labels = name.split('.');
  const [first = ''] = labels;
  const rest = first === '*' ? labels.slice(1) : labels;
  if (rest.some((label) => label.includes('*'))) {
    return '"*" must be the whole left-most label ("dns:*.example.org")';
  }
  if (first === '*' && rest.length < 2) return '"*" needs at least two labels after it';
  if (!rest.every((label) => label.length <= 63 && dnsLabel.test(label))) {
    return 'this is not a DNS name (one that is not ASCII is written as "xn--...")';
  }
  return { kind: 'dns', value: name };
}

function wantedAddress(value: string): WantedSan | string {
  if (value.includes('*')) return '"*" cannot stand in an IP address: list the addresses';
  const address = value.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) === 0 || address.includes('%')) return 'this is not an IP address';
  return { kind: 'ip', value: address };
}

function wantedUri(value: string): WantedSan | string {
  if (value.includes('*')) return '"*" cannot stand in a URI: it is compared byte for byte';
  if (!/^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(value)) {
    return 'a URI begins with its scheme and has ASCII characters without spaces';
  }
  const problem = /^spiffe:/i.test(value) ? spiffeProblem(value) : null;
  return problem ?? { kind: 'uri', value };
}

// SPIFFE-ID, sections 2.1 to 2.4.
function spiffeProblem(value: string): string | null {
  if (value.length > 2048) return 'a SPIFFE ID has at most 2048 bytes';
  const [, domain = '', path = ''] = /^spiffe:\/\/([^/]*)(.*)$/.exec(value) ?? [];
  if (domain === '') return 'a SPIFFE ID is "spiffe://trust-domain/path"';
  if (/[?#]/.test(value)) return 'a SPIFFE ID has no query and no fragment';
  if (/[@:]/.test(domain)) return 'a trust domain has no user and no port';
  if (!/^[a-z0-9._-]{1,255}$/.test(domain)) {
    return 'a trust domain has lower-case letters, digits, ".", "-" and "_" only';
  }
  if (path.endsWith('/')) return 'the path of a SPIFFE ID does not end in "/"';
  const segments = path.split('/').slice(1);
  const good = segments.every((one) => /^[A-Za-z0-9._-]+$/.test(one) && !/^\.\.?$/.test(one));
  return good ? null : 'a segment of the path has letters, digits, ".", "-" and "_" only';
}

/** As `proxy_ssl_san` has it: `uri:spiffe://example.org/service`. */
export function sanText(san: WantedSan): string {
  return `${san.kind}:${san.value}`;
}

/**
 * Has a certificate one of the wanted names?
 *
 * @param list - `subjectAltName` of the certificate
 */
export function hasWantedSan(wanted: readonly WantedSan[], list: string | undefined): boolean {
  const names = readAlternativeNames(list);
  return wanted.some((san) => {
    if (san.kind === 'uri') return hasUri(san.value, names);
    if (!san.value.startsWith('*.')) return identityProblem(san.value, list) === null;
    return names.dns.some((name) => fitsWildcard(san.value, name));
  });
}

// Any one label in place of `*`, or the same wildcard.
function fitsWildcard(wanted: string, presented: string): boolean {
  if (!comparableDns(presented)) return false;
  const name = presented.toLowerCase().replace(/\.$/, '');
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === wanted.slice(1);
}

function hasUri(wanted: string, names: AlternativeNames): boolean {
  const uris = names.other.filter((name) => name.startsWith('URI:')).map(unquoted);
  // A certificate with several URIs is no SPIFFE document (X509-SVID, section 2).
  if (wanted.startsWith('spiffe:') && uris.length !== 1) return false;
  return uris.includes(wanted);
}

// Node writes a name that could be taken for the list's punctuation as a JSON string.
function unquoted(entry: string): string {
  const text = entry.slice('URI:'.length);
  if (!text.startsWith('"')) return text;
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'string' ? read : '';
  } catch {
    return '';
  }
}
