// Hostile upstreams that are refused, or refuse, within the handshake itself: versions, ciphers,
// alerts, bytes that are no TLS, client certificates, and attackers without the key.

import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { Made } from './certificate-maker.ts';
import {
  certificateMessage,
  changeMessage,
  damageEncryptedRecord,
  lastBitFlipped,
  messageTypes,
  unchanged,
} from './handshake-bytes.ts';
import { ExtendedKeyUsage } from '../../src/pki/x509.ts';
import type { HostilePki, HostileUpstream, Side } from './hostile-upstream.ts';
import { tls13Peer } from './tls13-server.ts';
import { nodePeer, page, pairOf, rawPeer, relay, type Change, type Peer } from './tls-peers.ts';
import type { Scope } from './scope.ts';

/** All rows about the handshake. */
export async function hostileHandshakes(pki: HostilePki): Promise<HostileUpstream[]> {
  return [
    ...versionsAndCiphers(pki),
    ...notTls(pki),
    ...closing(pki),
    ...(await withoutTheKey(pki)),
    ...(await clientCertificates(pki)),
  ];
}

function versionsAndCiphers(pki: HostilePki): HostileUpstream[] {
  const old = ['-cipher', 'DEFAULT:@SECLEVEL=0'];
  const versions: readonly (readonly [string, readonly string[], string])[] = [
    ['TLS 1.0 only', ['-tls1', ...old], 'TLSv1.2 TLSv1.3'],
    ['TLS 1.1 only', ['-tls1_1', ...old], 'TLSv1.2 TLSv1.3'],
    ['TLS 1.2 only where 1.3 is wanted', ['-tls1_2'], 'TLSv1.3'],
    ['TLS 1.3 only where 1.2 is wanted', ['-tls1_3'], 'TLSv1.2'],
  ];
  const good = { start: pki.openssl(pki.a), directives: pki.forA() };
  const rows: HostileUpstream[] = versions.map(([name, args, protocols]) => ({
    name,
    code: 'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    bad: {
      start: pki.openssl(pki.a, args),
      directives: pki.forA(`proxy_ssl_protocols ${protocols};`),
    },
    good,
    says: /protocol version/,
    mend: /proxy_ssl_protocols/,
  }));
  const one = ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'];
  const ciphers = (name: string): string => pki.forA(`proxy_ssl_ciphers ${name};`);
  const named = ['-servername', 'a.test', '-servername_fatal'];
  const { certificate, key } = pki.files(pki.a);
  return [
    ...rows,
    {
      name: 'no cipher in common',
      code: 'UPSTREAM_TLS_HANDSHAKE_REFUSED',
      bad: { start: pki.openssl(pki.a, one), directives: ciphers('ECDHE-ECDSA-AES256-GCM-SHA384') },
      good: {
        start: pki.openssl(pki.a, one),
        directives: ciphers('ECDHE-ECDSA-AES128-GCM-SHA256'),
      },
      says: /handshake failure/i,
      mend: /proxy_ssl_ciphers/,
    },
    {
      name: 'a server that does not know the name',
      code: 'UPSTREAM_TLS_HANDSHAKE_REFUSED',
      bad: {
        start: pki.openssl(pki.a, [...named, '-cert2', certificate, '-key2', key]),
        directives: `proxy_ssl_trusted_certificate ${pki.rootFile}; proxy_ssl_name b.test;`,
      },
      good: {
        start: pki.openssl(pki.a, [...named, '-cert2', certificate, '-key2', key]),
        directives: pki.forA(),
      },
      says: /unrecognized name.*"b\.test"/i,
      mend: /proxy_ssl_name/,
    },
  ];
}

function raw(script: Parameters<typeof rawPeer>[0]): Side['start'] {
  return (scope) => rawPeer(script, scope);
}

function notTls(pki: HostilePki): HostileUpstream[] {
  const good = { start: pki.node(pki.a), directives: pki.forA() };
  const row = (name: string, start: Side['start']): HostileUpstream => ({
    name,
    code: 'UPSTREAM_TLS_NOT_TLS',
    bad: { start, directives: pki.forA() },
    good,
    says: /not TLS|plain HTTP/,
    mend: /port/,
  });
  const badRequest = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n';
  return [
    row('plain HTTP on the TLS port', raw({ onBytes: (socket) => socket.end(badRequest) })),
    row(
      'a whole response before the handshake',
      raw({ onConnection: (socket) => socket.write(page) }),
    ),
    row(
      'a greeting before the handshake',
      raw({ onConnection: (socket) => socket.write('220 mail.test ESMTP ready\r\n') }),
    ),
    {
      name: 'a response in clear right after the ServerHello',
      code: 'UPSTREAM_TLS_NOT_TLS',
      bad: { start: liar(pki, { inClear: page }), directives: pki.forA() },
      good: { start: liar(pki, {}), directives: pki.forA() },
      says: /not TLS/,
      mend: /port/,
    },
    {
      name: 'a response in encrypted records before the Finished message',
      code: 'UPSTREAM_TLS_HANDSHAKE_FAILED',
      bad: { start: liar(pki, { tooEarly: page }), directives: pki.forA() },
      good: { start: liar(pki, {}), directives: pki.forA() },
      says: /unexpected record/,
      mend: /upstream/,
    },
  ];
}

interface Lie {
  readonly tooEarly?: string;
  readonly inClear?: string;
  /** Signs the handshake; default: the certificate's own. */
  readonly key?: string;
}

function liar(pki: HostilePki, { key = pki.a.keyPem, ...lie }: Lie): Side['start'] {
  const chain = [new X509Certificate(pki.a.pem)];
  const signer = createPrivateKey(key);
  return (scope) => tls13Peer({ chain, key: signer, ...lie }, scope);
}

function closing(pki: HostilePki): HostileUpstream[] {
  const good = { start: pki.openssl(pki.a), directives: pki.forA() };
  const row = (name: string, start: Side['start']): HostileUpstream => ({
    name,
    code: 'UPSTREAM_TLS_HANDSHAKE_CLOSED',
    bad: { start, directives: pki.forA() },
    good,
    says: /closed connection in SSL handshake/,
    mend: /log of the upstream/,
  });
  const halfHello = async (scope: Scope): Promise<Peer> =>
    relay(await nodePeer(pairOf(pki.a), scope), () => halfOfServerHello, scope);
  return [
    row('a close at once', raw({ onConnection: (socket) => socket.end() })),
    row('a close after the ClientHello', raw({ onBytes: (socket) => socket.end() })),
    row('a reset after the ClientHello', raw({ onBytes: (socket) => socket.resetAndDestroy() })),
    row('a close after half a ServerHello', halfHello),
  ];
}

// The first record is the ServerHello; half of it, and the relay closes.
function halfOfServerHello(chunk: Buffer, end: () => void): Buffer {
  end();
  return chunk.subarray(0, Math.floor((5 + chunk.readUInt16BE(3)) / 2));
}

async function withoutTheKey(pki: HostilePki): Promise<HostileUpstream[]> {
  const victim = [new X509Certificate(pki.a.pem)];
  const attacker = await pki.leaf({ issuer: pki.stranger });
  const rsa = await pki.leaf({ rsaBits: 2048 });
  const rsaAttacker = await pki.leaf({ issuer: pki.stranger, rsaBits: 2048 });
  const on12 = (one: Made, change: Change): Side => ({
    start: async (scope) =>
      relay(await nodePeer({ ...pairOf(one), maxVersion: 'TLSv1.2' }, scope), change, scope),
    directives: pki.forA(),
  });
  const swapFor = (chain: readonly X509Certificate[]): Change =>
    changeMessage(messageTypes.certificate, () => certificateMessage(chain));
  const swap = swapFor(victim);
  const swapRsa = swapFor([new X509Certificate(rsa.pem)]);
  const spoil = changeMessage(messageTypes.serverKeyExchange, lastBitFlipped);
  const copied = changeMessage(messageTypes.certificate, (body) => body);
  return [
    {
      name: "another's certificate without its key, TLS 1.2",
      code: 'UPSTREAM_TLS_KEY_MISMATCH',
      bad: on12(attacker, swap),
      good: on12(pki.a, swap),
      says: /signature/,
      mend: /key/,
    },
    {
      name: "another's certificate of RSA without its key, TLS 1.2",
      code: 'UPSTREAM_TLS_KEY_MISMATCH',
      bad: on12(rsaAttacker, swapRsa),
      good: on12(rsa, swapRsa),
      says: /signature/,
      mend: /key/,
    },
    {
      name: 'a changed signature of the key exchange, TLS 1.2',
      code: 'UPSTREAM_TLS_KEY_MISMATCH',
      bad: on12(pki.a, spoil),
      good: on12(pki.a, copied),
      says: /signature/,
      mend: /key/,
    },
    {
      name: "another's certificate without its key, TLS 1.3",
      code: 'UPSTREAM_TLS_KEY_MISMATCH',
      bad: { start: liar(pki, { key: attacker.keyPem }), directives: pki.forA() },
      good: { start: liar(pki, {}), directives: pki.forA() },
      says: /signature/,
      mend: /key/,
    },
    {
      name: 'a record that somebody on the way has changed',
      code: 'UPSTREAM_TLS_HANDSHAKE_FAILED',
      bad: { start: onTheWay(pki, damageEncryptedRecord(0)), directives: pki.forA() },
      good: { start: onTheWay(pki, unchanged), directives: pki.forA() },
      says: /mac|decrypt/i,
      mend: /upstream/,
    },
  ];
}

function onTheWay(pki: HostilePki, change: Change): Side['start'] {
  return async (scope) => relay(await nodePeer(pairOf(pki.a), scope), change, scope);
}

async function clientCertificates(pki: HostilePki): Promise<HostileUpstream[]> {
  const purposes = [ExtendedKeyUsage.clientAuth];
  const client = await pki.leaf({ commonName: 'client' }, { dns: [], purposes });
  const unknown = await pki.leaf(
    { commonName: 'client', issuer: pki.stranger },
    { dns: [], purposes },
  );
  const show = (one: Made): string => {
    const { certificate, key } = pki.files(one);
    return `proxy_ssl_certificate ${certificate}; proxy_ssl_certificate_key ${key};`;
  };
  const asks = ['-Verify', '2', '-verify_return_error', '-CAfile', pki.rootFile];
  return ['-tls1_2', '-tls1_3'].flatMap((version) => {
    const start = pki.openssl(pki.a, [...asks, version]);
    const row = (name: string, more: string, says: RegExp): HostileUpstream => ({
      name: `${name}, ${version}`,
      code: 'UPSTREAM_TLS_CLIENT_CERT_REFUSED',
      bad: { start, directives: pki.forA(more) },
      good: { start, directives: pki.forA(show(client)) },
      says,
      mend: /proxy_ssl_certificate/,
    });
    return [
      row('no client certificate', '', /demands a client certificate/),
      row('a client certificate of another CA', show(unknown), /issuer of the client certificate/),
    ];
  });
}
