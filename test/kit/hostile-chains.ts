// Hostile upstreams whose certificate chain is not in order: its issuers, dates, purposes, keys and
// signatures.

import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  KeyUsageFlags,
  KeyUsagesExtension,
} from '../../src/pki/x509.ts';
import {
  caExtensions,
  leafExtensions,
  makeCertificate,
  onlyNamesBelow,
  unknownCritical,
  withBrokenSignature,
  type Made,
} from './certificate-maker.ts';
import type { HostilePki, HostileUpstream } from './hostile-upstream.ts';

const dayMs = 86_400_000;
const yesterday = new Date(Date.now() - dayMs);
const tomorrow = new Date(Date.now() + dayMs);
/** What a server needs to be allowed to show weak keys and signatures at all. */
const weak = {
  node: { ciphers: 'DEFAULT:@SECLEVEL=0' },
  openssl: ['-cipher', 'DEFAULT:@SECLEVEL=0'],
};

/** All rows about the chain. */
export async function hostileChains(pki: HostilePki): Promise<HostileUpstream[]> {
  return [
    ...(await dates(pki)),
    ...(await issuers(pki)),
    ...(await constraints(pki)),
    ...(await purposes(pki)),
    ...(await weaknesses(pki)),
  ];
}

async function dates(pki: HostilePki): Promise<HostileUpstream[]> {
  const past = { notBefore: new Date(Date.now() - 30 * dayMs), notAfter: yesterday };
  const expired = await pki.leaf(past);
  const early = await pki.leaf({ notBefore: tomorrow });
  const oldAuthority = await makeCertificate({
    commonName: 'Old intermediate',
    issuer: pki.root,
    extensions: caExtensions(),
    ...past,
  });
  const belowOld = await pki.leaf({ issuer: oldAuthority });
  const good = { start: pki.openssl(pki.a), directives: pki.forA() };
  return [
    {
      name: 'an expired certificate',
      code: 'UPSTREAM_TLS_EXPIRED',
      bad: { start: pki.openssl(expired), directives: pki.forA() },
      good,
      says: /expired/,
      mend: /renew/,
      presents: expired,
    },
    {
      name: 'an expired CA above a valid certificate',
      code: 'UPSTREAM_TLS_EXPIRED',
      bad: { start: pki.node(belowOld), directives: pki.forA() },
      good,
      says: /CN=Old intermediate/,
      mend: /renew/,
      presents: belowOld,
    },
    {
      name: 'a certificate that is not valid yet',
      code: 'UPSTREAM_TLS_NOT_YET_VALID',
      bad: { start: pki.node(early), directives: pki.forA() },
      good,
      says: /not yet valid/,
      mend: /clock/,
      presents: early,
    },
  ];
}

function withoutIntermediates(one: Made): Made {
  return { ...one, chainPem: one.pem };
}

async function issuers(pki: HostilePki): Promise<HostileUpstream[]> {
  const selfSigned = await pki.leaf({ issuer: null });
  const unknown = await pki.leaf({ issuer: pki.stranger });
  const chained = await pki.leaf({ issuer: pki.intermediate });
  const trustsSelf = `proxy_ssl_trusted_certificate ${pki.files(selfSigned).certificate}; proxy_ssl_name a.test;`;
  const trustsStranger = `proxy_ssl_trusted_certificate ${pki.strangerFile}; proxy_ssl_name a.test;`;
  const trust = /proxy_ssl_trusted_certificate/;
  return [
    {
      name: 'a self-signed certificate',
      code: 'UPSTREAM_TLS_SELF_SIGNED',
      bad: { start: pki.openssl(selfSigned), directives: pki.forA() },
      good: { start: pki.openssl(selfSigned), directives: trustsSelf },
      says: /self-signed certificate/,
      mend: trust,
      presents: selfSigned,
    },
    {
      name: 'a CA that is not trusted',
      code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
      bad: { start: pki.openssl(unknown), directives: pki.forA() },
      good: { start: pki.openssl(unknown), directives: trustsStranger },
      says: /CN=Strange root/,
      mend: /"CN=Strange root".*proxy_ssl_trusted_certificate/,
      presents: unknown,
    },
    {
      name: 'a CA that is not trusted, sent along',
      code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
      bad: {
        start: pki.openssl({ ...unknown, chainPem: unknown.pem + pki.stranger.pem }),
        directives: pki.forA(),
      },
      good: { start: pki.openssl(pki.a), directives: pki.forA() },
      says: /CN=Strange root/,
      mend: trust,
      presents: unknown,
    },
    {
      name: 'an intermediate that is not sent',
      code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
      bad: { start: pki.openssl(withoutIntermediates(chained)), directives: pki.forA() },
      // Many a server sends its own certificate twice.
      good: {
        start: pki.openssl({ ...chained, chainPem: chained.pem + chained.chainPem }),
        directives: pki.forA(),
      },
      says: /CN=Matrix intermediate/,
      mend: /"CN=Matrix intermediate".*must send/,
      presents: chained,
    },
    await brokenSignature(pki),
  ];
}

async function brokenSignature(pki: HostilePki): Promise<HostileUpstream> {
  const good = await pki.leaf();
  const bad = withBrokenSignature(good, pki.root);
  return {
    name: 'a certificate that was changed after it was signed',
    code: 'UPSTREAM_TLS_UNTRUSTED',
    bad: { start: pki.openssl(bad), directives: pki.forA() },
    good: { start: pki.openssl(good), directives: pki.forA() },
    says: /signature failure/,
    mend: /issued anew/,
    presents: bad,
  };
}

async function constraints(pki: HostilePki): Promise<HostileUpstream[]> {
  const authority = (commonName: string, issuer: Made, extensions = caExtensions()) =>
    makeCertificate({ commonName, issuer, extensions });
  const upper = await authority('Upper', pki.root);
  const lower = await authority('Lower', upper);
  const deep = await pki.leaf({ issuer: lower });
  const narrow = await authority('Narrow', pki.root, caExtensions({ pathLength: 0 }));
  const belowNarrow = await authority('Below narrow', narrow);
  const onlyB = await authority(
    'Only b',
    pki.root,
    caExtensions({ more: [onlyNamesBelow('b.test')] }),
  );
  const onlyA = await authority(
    'Only a',
    pki.root,
    caExtensions({ more: [onlyNamesBelow('a.test')] }),
  );
  const tooLong = await pki.leaf({ issuer: belowNarrow });
  const outside = await pki.leaf({ issuer: onlyB });
  return [
    {
      name: 'a chain that is too deep',
      code: 'UPSTREAM_TLS_DEPTH_EXCEEDED',
      bad: { start: pki.openssl(deep), directives: pki.forA('proxy_ssl_verify_depth 1;') },
      good: { start: pki.openssl(deep), directives: pki.forA('proxy_ssl_verify_depth 2;') },
      says: /chain too long.* 2 /,
      mend: /proxy_ssl_verify_depth 2/,
      presents: deep,
    },
    {
      name: 'more CAs than the path length allows',
      code: 'UPSTREAM_TLS_PATH_LENGTH_EXCEEDED',
      bad: { start: pki.openssl(tooLong), directives: pki.forA() },
      good: { start: pki.openssl(await pki.leaf({ issuer: narrow })), directives: pki.forA() },
      says: /path length constraint exceeded/,
      mend: /issued anew/,
      presents: tooLong,
    },
    {
      name: 'a name outside of the constraints of its CA',
      code: 'UPSTREAM_TLS_NAME_CONSTRAINT',
      bad: { start: pki.openssl(outside), directives: pki.forA() },
      good: { start: pki.openssl(await pki.leaf({ issuer: onlyA })), directives: pki.forA() },
      says: /permitted subtree violation/,
      mend: /nameConstraints/,
      presents: outside,
    },
  ];
}

async function purposes(pki: HostilePki): Promise<HostileUpstream[]> {
  const noAuthority = await pki.leaf({ commonName: 'No authority', issuer: pki.root });
  const noSigner = await makeCertificate({
    commonName: 'No signer',
    issuer: pki.root,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.cRLSign, true),
    ],
  });
  const belowLeaf = await pki.leaf({ issuer: noAuthority });
  const belowNoSigner = await pki.leaf({ issuer: noSigner });
  const forClients = await pki.leaf({}, { purposes: [ExtendedKeyUsage.clientAuth] });
  const forBoth = await pki.leaf(
    {},
    { purposes: [ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth] },
  );
  const odd = await pki.leaf({}, { more: [unknownCritical] });
  const good = {
    start: pki.openssl(await pki.leaf({ issuer: pki.intermediate })),
    directives: pki.forA(),
  };
  return [
    {
      name: 'an intermediate that is no CA',
      code: 'UPSTREAM_TLS_INVALID_CA',
      bad: { start: pki.openssl(belowLeaf), directives: pki.forA() },
      good,
      says: /CN=No authority/,
      mend: /CA/,
      presents: belowLeaf,
    },
    {
      name: 'an intermediate whose key may not sign certificates',
      code: 'UPSTREAM_TLS_INVALID_CA',
      bad: { start: pki.openssl(belowNoSigner), directives: pki.forA() },
      good,
      says: /CN=No signer/,
      mend: /CA/,
      presents: belowNoSigner,
    },
    {
      name: 'a certificate for clients only',
      code: 'UPSTREAM_TLS_WRONG_PURPOSE',
      bad: { start: pki.openssl(forClients), directives: pki.forA() },
      good: { start: pki.openssl(forBoth), directives: pki.forA() },
      says: /purpose/,
      mend: /serverAuth/,
      presents: forClients,
    },
    {
      name: 'a critical extension that nobody knows',
      code: 'UPSTREAM_TLS_UNTRUSTED',
      bad: { start: pki.openssl(odd), directives: pki.forA() },
      good: { start: pki.openssl(pki.a), directives: pki.forA() },
      says: /unhandled critical extension/,
      mend: /issued anew/,
      presents: odd,
    },
  ];
}

async function weaknesses(pki: HostilePki): Promise<HostileUpstream[]> {
  const sha1 = await pki.leaf({ hash: 'SHA-1' });
  const rsa1024 = await pki.leaf({ rsaBits: 1024 });
  const rsa2048 = await pki.leaf({ rsaBits: 2048 });
  const weakAuthority = await makeCertificate({
    commonName: 'Weak root',
    issuer: null,
    rsaBits: 1024,
    extensions: caExtensions(),
  });
  const belowWeak = await makeCertificate({
    commonName: 'a.test',
    issuer: weakAuthority,
    extensions: leafExtensions({ dns: ['a.test'] }),
  });
  const trustsWeak = `proxy_ssl_trusted_certificate ${pki.files(weakAuthority).certificate}; proxy_ssl_name a.test;`;
  return [
    {
      name: 'a signature with SHA-1',
      code: 'UPSTREAM_TLS_WEAK_SIGNATURE',
      bad: { start: pki.openssl(sha1, weak.openssl), directives: pki.forA() },
      good: { start: pki.openssl(pki.a, weak.openssl), directives: pki.forA() },
      says: /digest.*too weak|md too weak/i,
      mend: /issued anew|SHA-256/,
      presents: sha1,
    },
    {
      name: 'RSA with 1024 bits',
      code: 'UPSTREAM_TLS_WEAK_KEY',
      bad: { start: pki.node(rsa1024, weak.node), directives: pki.forA() },
      good: { start: pki.node(rsa2048), directives: pki.forA() },
      says: /key.* too (weak|small)/i,
      mend: /issued anew|2048/,
      presents: rsa1024,
    },
    {
      name: 'a CA with RSA of 1024 bits',
      code: 'UPSTREAM_TLS_WEAK_KEY',
      bad: { start: pki.openssl(belowWeak, weak.openssl), directives: trustsWeak },
      good: { start: pki.openssl(rsa2048), directives: pki.forA() },
      says: /key.* too (weak|small)/i,
      mend: /issued anew|2048/,
      presents: belowWeak,
    },
  ];
}
