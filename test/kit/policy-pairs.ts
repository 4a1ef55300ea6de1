// Pairs of policies for one and the same server: the first is permitted to talk to it, the second,
// which differs in one setting alone, is not. Whoever mixes up their sessions or connections lets
// the second through.

import { X509Certificate } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import type { ErrorCode } from '../../src/base/errors.ts';
import { ExtendedKeyUsage } from '../../src/pki/x509.ts';
import { pinOf, type HostilePki } from './hostile-upstream.ts';
import { makeStaple } from './ocsp.ts';
import type { Made } from './certificate-maker.ts';
import { pairOf } from './tls-peers.ts';

export interface PolicyPair {
  /** In what they differ. */
  readonly name: string;
  /** Of the server. */
  readonly tls: TlsOptions;
  readonly staple?: Buffer;
  /** Directives for a location. */
  readonly permitted: string;
  readonly refused: string;
  readonly code: ErrorCode;
}

/** All pairs. */
export async function policyPairs(pki: HostilePki): Promise<readonly PolicyPair[]> {
  const good = pki.forA();
  const trustsStranger = `proxy_ssl_trusted_certificate ${pki.strangerFile}; proxy_ssl_name a.test;`;
  const unknownIssuer = 'UPSTREAM_TLS_UNKNOWN_ISSUER';
  const a = pairOf(pki.a);
  return [
    { name: 'the CA', tls: a, permitted: good, refused: trustsStranger, code: unknownIssuer },
    ...['off', 'report'].flatMap((mode): PolicyPair[] => [
      {
        name: `verification ${mode} beside on`,
        tls: a,
        permitted: `${trustsStranger} proxy_ssl_verify ${mode};`,
        refused: trustsStranger,
        code: unknownIssuer,
      },
      // OpenSSL keeps its own verdict in a session; nobody keeps that about the name.
      {
        name: `verification ${mode} beside on, where the name is another`,
        tls: a,
        permitted: `${good.replace('a.test', 'c.test')} proxy_ssl_verify ${mode};`,
        refused: good.replace('a.test', 'c.test'),
        code: 'UPSTREAM_TLS_NAME_MISMATCH',
      },
    ]),
    ...(await identities(pki)),
    ...(await revocation(pki)),
    ...parameters(pki),
    await clientCertificate(pki),
  ];
}

async function identities(pki: HostilePki): Promise<PolicyPair[]> {
  const both = await pki.leaf({ issuer: pki.intermediate }, { dns: ['a.test', 'b.test'] });
  const nameless = await pki.leaf({}, { dns: [] });
  const tls = pairOf(both);
  const good = pki.forA();
  const pins = (...of: Made[]): string => pki.forA(`proxy_ssl_pin ${of.map(pinOf).join(' ')};`);
  return [
    {
      name: 'the name',
      tls,
      permitted: good,
      refused: good.replace('a.test', 'c.test'),
      code: 'UPSTREAM_TLS_NAME_MISMATCH',
    },
    {
      name: 'the name, which is not sent',
      tls,
      permitted: pki.forA('proxy_ssl_server_name off;'),
      refused: pki.forA('proxy_ssl_server_name off;').replace('a.test', 'c.test'),
      code: 'UPSTREAM_TLS_NAME_MISMATCH',
    },
    {
      name: 'the common name as a name',
      tls: pairOf(nameless),
      permitted: pki.forA('proxy_ssl_verify_cn on;'),
      refused: good,
      code: 'UPSTREAM_TLS_NAME_MISMATCH',
    },
    {
      name: 'the pin',
      tls,
      permitted: pins(both, pki.stranger),
      refused: pins(pki.a, pki.stranger),
      code: 'UPSTREAM_TLS_PIN_MISMATCH',
    },
    {
      name: 'the alternative name',
      tls,
      permitted: pki.forA('proxy_ssl_san dns:b.test;'),
      refused: pki.forA('proxy_ssl_san dns:c.test;'),
      code: 'UPSTREAM_TLS_SAN_MISMATCH',
    },
    {
      name: 'the depth',
      tls,
      permitted: pki.forA('proxy_ssl_verify_depth 1;'),
      refused: pki.forA('proxy_ssl_verify_depth 0;'),
      code: 'UPSTREAM_TLS_DEPTH_EXCEEDED',
    },
  ];
}

async function revocation(pki: HostilePki): Promise<PolicyPair[]> {
  const a = pairOf(pki.a);
  const crl = (file: string): string => pki.forA(`proxy_ssl_crl ${file};`);
  const empty = await pki.crl(pki.root);
  const full = await pki.crl(pki.root, { revoked: [pki.a.pem] });
  const revoked = makeStaple({
    issuer: new X509Certificate(pki.root.pem),
    key: pki.root.keyPem,
    leaf: new X509Certificate(pki.a.pem),
    status: 'revoked',
  });
  return [
    {
      name: 'a revocation list beside none',
      tls: a,
      permitted: pki.forA(),
      refused: crl(full),
      code: 'UPSTREAM_TLS_REVOKED',
    },
    {
      name: 'the revocation list',
      tls: a,
      permitted: crl(empty),
      refused: crl(full),
      code: 'UPSTREAM_TLS_REVOKED',
    },
    {
      name: 'a required OCSP response beside a welcome one',
      tls: a,
      permitted: pki.forA('proxy_ssl_ocsp staple;'),
      refused: pki.forA('proxy_ssl_ocsp require;'),
      code: 'UPSTREAM_TLS_OCSP_MISSING',
    },
    {
      name: 'an OCSP response that is not asked for beside one that is',
      tls: a,
      staple: revoked,
      permitted: pki.forA(),
      refused: pki.forA('proxy_ssl_ocsp staple;'),
      code: 'UPSTREAM_TLS_REVOKED',
    },
  ];
}

function parameters(pki: HostilePki): PolicyPair[] {
  const a = pairOf(pki.a);
  return [
    {
      name: 'the protocols',
      tls: { ...a, maxVersion: 'TLSv1.2' },
      permitted: pki.forA('proxy_ssl_protocols TLSv1.2 TLSv1.3;'),
      refused: pki.forA('proxy_ssl_protocols TLSv1.3;'),
      code: 'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    },
    {
      name: 'the ciphers',
      tls: { ...a, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
      permitted: pki.forA('proxy_ssl_ciphers HIGH;'),
      refused: pki.forA('proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;'),
      code: 'UPSTREAM_TLS_HANDSHAKE_REFUSED',
    },
    {
      name: 'the groups',
      tls: { ...a, ecdhCurve: 'P-256' },
      permitted: pki.forA(),
      refused: pki.forA('proxy_ssl_groups X25519;'),
      code: 'UPSTREAM_TLS_HANDSHAKE_REFUSED',
    },
    {
      name: "OpenSSL's commands",
      tls: { ...a, maxVersion: 'TLSv1.2' },
      permitted: pki.forA(),
      refused: pki.forA('proxy_ssl_conf_command MinProtocol TLSv1.3;'),
      code: 'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    },
  ];
}

async function clientCertificate(pki: HostilePki): Promise<PolicyPair> {
  const purposes = [ExtendedKeyUsage.clientAuth];
  const client = await pki.leaf({ commonName: 'client' }, { dns: [], purposes });
  const { certificate, key } = pki.files(client);
  return {
    name: 'the client certificate',
    tls: {
      ...pairOf(pki.a),
      ca: pki.root.pem,
      requestCert: true,
      rejectUnauthorized: true,
      sessionIdContext: 'one',
    },
    permitted: pki.forA(`proxy_ssl_certificate ${certificate}; proxy_ssl_certificate_key ${key};`),
    refused: pki.forA(),
    code: 'UPSTREAM_TLS_CLIENT_CERT_REFUSED',
  };
}
