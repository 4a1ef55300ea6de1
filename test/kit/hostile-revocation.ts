// Hostile upstreams whose certificate was revoked, or who keep the proof of the contrary to
// themselves: lists (CRL) and stapled responses (OCSP).

import { X509Certificate } from 'node:crypto';
import { mustStaple, type Made } from './certificate-maker.ts';
import type { HostilePki, HostileUpstream, Side } from './hostile-upstream.ts';
import { makeStaple, type StapleWish } from './ocsp.ts';

const dayMs = 86_400_000;
const yesterday = new Date(Date.now() - dayMs);
const tomorrow = new Date(Date.now() + dayMs);

/** All rows about revocation. */
export async function hostileRevocation(pki: HostilePki): Promise<HostileUpstream[]> {
  const lists = await hostileLists(pki);
  return [...lists, ...(await staplesMissing(pki)), ...(await staplesOfNoUse(pki))];
}

interface ListRow {
  readonly name: string;
  readonly code: HostileUpstream['code'];
  readonly leaf: Made;
  /** Paths of the lists; what is wrong with the first, and in order with the second. */
  readonly bad: readonly string[];
  readonly good: readonly string[];
  readonly says: RegExp;
}

async function hostileLists(pki: HostilePki): Promise<HostileUpstream[]> {
  const { root, intermediate } = pki;
  const leaf = await pki.leaf();
  const chained = await pki.leaf({ issuer: intermediate });
  const fresh = await pki.crl(root);
  const freshBelow = await pki.crl(intermediate);
  const revoking = (issuer: Made, one: Made): Promise<string> =>
    pki.crl(issuer, { revoked: [one.pem] });
  const stale = await pki.crl(root, { thisUpdate: new Date(0), nextUpdate: yesterday });
  const early = await pki.crl(root, { thisUpdate: tomorrow });
  const rows: readonly ListRow[] = [
    {
      name: 'a certificate that its CA has revoked',
      code: 'UPSTREAM_TLS_REVOKED',
      leaf,
      bad: [await revoking(root, leaf)],
      good: [fresh],
      says: /revoked/,
    },
    {
      name: 'an intermediate that was revoked',
      code: 'UPSTREAM_TLS_REVOKED',
      leaf: chained,
      bad: [await revoking(root, intermediate), freshBelow],
      good: [fresh, freshBelow],
      says: /revoked/,
    },
    {
      name: 'a list that is stale',
      code: 'UPSTREAM_TLS_CRL_EXPIRED',
      leaf,
      bad: [stale],
      good: [stale, fresh],
      says: /CRL has expired/,
    },
    {
      name: 'a list that is not valid yet',
      code: 'UPSTREAM_TLS_CRL_EXPIRED',
      leaf,
      bad: [early],
      good: [fresh],
      says: /CRL is not yet valid/,
    },
    {
      name: 'no list of the intermediate',
      code: 'UPSTREAM_TLS_CRL_MISSING',
      leaf: chained,
      bad: [fresh],
      good: [fresh, freshBelow],
      says: /CRL/,
    },
    {
      name: 'a list of another CA',
      code: 'UPSTREAM_TLS_CRL_MISSING',
      leaf,
      bad: [await pki.crl(pki.stranger)],
      good: [fresh],
      says: /CRL/,
    },
  ];
  return rows.map(({ name, code, leaf: presents, bad, good, says }) => ({
    name,
    code,
    bad: { start: pki.openssl(presents), directives: withLists(pki, bad) },
    good: { start: pki.openssl(presents), directives: withLists(pki, good) },
    says,
    mend: code === 'UPSTREAM_TLS_REVOKED' ? /issued anew|new certificate/ : /proxy_ssl_crl/,
    presents,
  }));
}

function withLists(pki: HostilePki, files: readonly string[]): string {
  return pki.forA(`proxy_ssl_crl ${files.join(' ')};`);
}

function x509(one: Made): X509Certificate {
  return new X509Certificate(one.pem);
}

/** A staple about `leaf` by the root, unless said otherwise. */
function stapleOf(pki: HostilePki, leaf: Made, wish: Partial<StapleWish> = {}): Buffer {
  const issuer = x509(pki.root);
  return makeStaple({ issuer, key: pki.root.keyPem, leaf: x509(leaf), ...wish });
}

// OpenSSL's server staples as well.
function withStatusFile(pki: HostilePki, leaf: Made): Side['start'] {
  return pki.openssl(leaf, ['-status_file', pki.write(stapleOf(pki, leaf))]);
}

async function staplesMissing(pki: HostilePki): Promise<HostileUpstream[]> {
  const demanding = await pki.leaf({}, { more: [mustStaple] });
  const rows = [
    ['no staple where the certificate says must-staple', demanding, 'staple'],
    ['no staple where one is required', pki.a, 'require'],
  ] as const;
  return rows.map(([name, leaf, mode]) => {
    const directives = pki.forA(`proxy_ssl_ocsp ${mode};`);
    return {
      name,
      code: 'UPSTREAM_TLS_OCSP_MISSING',
      bad: { start: pki.openssl(leaf), directives },
      good: { start: withStatusFile(pki, leaf), directives },
      says: /OCSP/,
      mend: /stapl/,
      presents: leaf,
    };
  });
}

async function staplesOfNoUse(pki: HostilePki): Promise<HostileUpstream[]> {
  const leaf = await pki.leaf();
  const { stranger } = pki;
  const foreign = { issuer: x509(stranger), key: stranger.keyPem };
  const start = new Date(Date.now() - 7 * dayMs);
  const directives = pki.forA('proxy_ssl_ocsp staple;');
  const with_ = (staple: Buffer): Side => ({ start: pki.node(leaf, { staple }), directives });
  const good = with_(stapleOf(pki, leaf));
  const rows: readonly (readonly [string, HostileUpstream['code'], Buffer, RegExp])[] = [
    [
      'a staple that says revoked',
      'UPSTREAM_TLS_REVOKED',
      stapleOf(pki, leaf, { status: 'revoked' }),
      /revoked/,
    ],
    [
      'a staple that says unknown',
      'UPSTREAM_TLS_OCSP_INVALID',
      stapleOf(pki, leaf, { status: 'unknown' }),
      /OCSP/,
    ],
    ['a staple for another certificate', 'UPSTREAM_TLS_OCSP_INVALID', stapleOf(pki, pki.a), /OCSP/],
    [
      'a staple that another CA has signed',
      'UPSTREAM_TLS_OCSP_INVALID',
      stapleOf(pki, leaf, foreign),
      /OCSP/,
    ],
    [
      'a staple that somebody else has signed in the name of the CA',
      'UPSTREAM_TLS_OCSP_INVALID',
      stapleOf(pki, leaf, { key: stranger.keyPem }),
      /OCSP/,
    ],
    [
      'a staple that is too old',
      'UPSTREAM_TLS_OCSP_INVALID',
      stapleOf(pki, leaf, { thisUpdate: start, nextUpdate: yesterday }),
      /OCSP/,
    ],
    ['a staple that is rubbish', 'UPSTREAM_TLS_OCSP_INVALID', Buffer.from('rubbish'), /OCSP/],
  ];
  return rows.map(([name, code, staple, says]) => ({
    name,
    code,
    bad: with_(staple),
    good,
    says,
    mend: code === 'UPSTREAM_TLS_REVOKED' ? /issued anew|new certificate/ : /OCSP|stapl/,
    presents: leaf,
  }));
}
