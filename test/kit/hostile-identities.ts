// Hostile upstreams whose chain is in order, but who are somebody else: names, alternative names and
// pins.

import type { LeafExtensions } from './certificate-maker.ts';
import { pinOf, type HostilePki, type HostileUpstream } from './hostile-upstream.ts';

const otherName = /proxy_ssl_name/;

/** All rows about the name in the certificate, and about what stands instead of it. */
export async function hostileIdentities(pki: HostilePki): Promise<HostileUpstream[]> {
  return [
    ...(await wrongNames(pki)),
    ...(await wrongAddresses(pki)),
    await commonNameOnly(pki),
    await wrongUri(pki),
    await wrongPin(pki),
  ];
}

interface NameRow {
  readonly name: string;
  /** Wanted. */
  readonly wanted: string;
  readonly bad: LeafExtensions;
  readonly good: LeafExtensions;
  readonly says: RegExp;
  readonly by?: 'openssl';
}

async function named(pki: HostilePki, row: NameRow): Promise<HostileUpstream> {
  const bad = await pki.leaf({ commonName: 'server' }, row.bad);
  const good = await pki.leaf({ commonName: 'server' }, row.good);
  const directives = `proxy_ssl_trusted_certificate ${pki.rootFile}; proxy_ssl_name ${row.wanted};`;
  const start = row.by === 'openssl' ? pki.openssl.bind(pki) : pki.node.bind(pki);
  return {
    name: row.name,
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    bad: { start: start(bad), directives },
    good: { start: start(good), directives },
    says: row.says,
    mend: otherName,
    presents: bad,
  };
}

function wrongNames(pki: HostilePki): Promise<HostileUpstream[]> {
  const rows: readonly NameRow[] = [
    {
      name: 'another name',
      wanted: 'a.test',
      bad: { dns: ['b.test'] },
      good: { dns: ['b.test', 'a.test'] },
      says: /wanted "a\.test".*presented names "DNS:b\.test"/,
      by: 'openssl',
    },
    {
      name: 'a wildcard over two labels',
      wanted: 'y.x.wild.test',
      bad: { dns: ['*.wild.test'] },
      good: { dns: ['*.x.wild.test'] },
      says: /wanted "y\.x\.wild\.test".*presented names "DNS:\*\.wild\.test"/,
      by: 'openssl',
    },
    {
      name: 'a partial wildcard',
      wanted: 'ab.wild.test',
      bad: { dns: ['a*.wild.test'] },
      good: { dns: ['*.wild.test'] },
      says: /wanted "ab\.wild\.test".*presented names "DNS:a\*\.wild\.test"/,
    },
    {
      name: 'a wildcard for the name above it',
      wanted: 'wild.test',
      bad: { dns: ['*.wild.test'] },
      good: { dns: ['*.wild.test', 'wild.test'] },
      says: /wanted "wild\.test"/,
    },
    {
      name: 'the wanted name as the beginning of a longer one',
      wanted: 'a.test',
      bad: { dns: ['a.test.evil.test'] },
      good: { dns: ['A.TEST'] },
      says: /presented names "DNS:a\.test\.evil\.test"/,
    },
  ];
  return Promise.all(rows.map((row) => named(pki, row)));
}

function wrongAddresses(pki: HostilePki): Promise<HostileUpstream[]> {
  const rows: readonly NameRow[] = [
    {
      name: 'an IP address that is there as a DNS name only',
      wanted: '127.0.0.1',
      bad: { dns: ['127.0.0.1'] },
      good: { dns: ['127.0.0.1'], ip: ['127.0.0.1'] },
      says: /wanted "127\.0\.0\.1".*presented names "DNS:127\.0\.0\.1"/,
    },
    {
      name: 'another IP address',
      wanted: '127.0.0.1',
      bad: { dns: [], ip: ['127.0.0.2'] },
      good: { dns: [], ip: ['127.0.0.2', '127.0.0.1'] },
      says: /wanted "127\.0\.0\.1".*presented names "IP Address:127\.0\.0\.2"/,
      by: 'openssl',
    },
    {
      name: 'a wildcard for an IP address',
      wanted: '127.0.0.1',
      bad: { dns: ['*.0.0.1'] },
      good: { dns: [], ip: ['127.0.0.1'] },
      says: /wanted "127\.0\.0\.1"/,
    },
  ];
  return Promise.all(rows.map((row) => named(pki, row)));
}

async function commonNameOnly(pki: HostilePki): Promise<HostileUpstream> {
  const nameless = await pki.leaf({ commonName: 'a.test' }, { dns: [] });
  return {
    name: 'the name in the common name only',
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    bad: { start: pki.openssl(nameless), directives: pki.forA() },
    good: { start: pki.openssl(nameless), directives: pki.forA('proxy_ssl_verify_cn on;') },
    says: /presented names none.*CN=a\.test/,
    mend: otherName,
    presents: nameless,
  };
}

async function wrongUri(pki: HostilePki): Promise<HostileUpstream> {
  const bad = await pki.leaf({}, { uri: ['spiffe://a.test/web-admin'] });
  const good = await pki.leaf({}, { uri: ['spiffe://a.test/web'] });
  const directives = pki.forA('proxy_ssl_san uri:spiffe://a.test/web;');
  return {
    name: 'another SPIFFE identity',
    code: 'UPSTREAM_TLS_SAN_MISMATCH',
    bad: { start: pki.openssl(bad), directives },
    good: { start: pki.node(good), directives },
    says: /uri:spiffe:\/\/a\.test\/web\b.*presented names .*"URI:spiffe:\/\/a\.test\/web-admin"/,
    mend: /proxy_ssl_san/,
    presents: bad,
  };
}

async function wrongPin(pki: HostilePki): Promise<HostileUpstream> {
  const other = await pki.leaf();
  const pins = `proxy_ssl_pin ${pinOf(other)} ${pinOf(pki.stranger)};`;
  return {
    name: 'a key that is not pinned',
    code: 'UPSTREAM_TLS_PIN_MISMATCH',
    bad: { start: pki.node(pki.a), directives: pki.forA(pins) },
    good: { start: pki.openssl(other), directives: pki.forA(pins) },
    says: /wanted "a\.test".*presented names "DNS:a\.test"/,
    mend: /proxy_ssl_pin/,
    presents: pki.a,
  };
}
