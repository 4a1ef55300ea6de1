// Upstream connections over verified TLS, from the handshake into the pool and out again.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { makeAuthority, makeCertificate, pemFile } from '../tls/certificates.test-kit.ts';
import { tlsTargetKey } from '../tls/upstream-connect.ts';
import { defaultUpstreamTlsSettings } from '../tls/upstream-settings.ts';
import { createUpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import type { ConnectTarget } from './connect-target.ts';
import { defaultKeepalive } from './group.ts';
import { openConnection } from './open-connection.ts';
import { Peer } from './peer.ts';
import { ConnectionPool } from './pool.ts';
import { means, Recorder } from './sockets.test-kit.ts';

const authority = makeAuthority('test root');
const leaf = makeCertificate({ commonName: 'a', dns: ['a.test'], issuer: authority });
const sockets: TLSSocket[] = [];
let server: Server;

before(async () => {
  server = createServer({ cert: leaf.pem, key: leaf.keyPem }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => socket.write(`echo ${data.toString('latin1')}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(async () => {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
});

function target(verifyName: string): ConnectTarget {
  const port = (server.address() as AddressInfo).port;
  const address = { kind: 'ip', host: '127.0.0.1', port } as const;
  const policy = createUpstreamTlsPolicy({
    ...defaultUpstreamTlsSettings,
    trusted: pemFile('ca.pem', authority),
  });
  const tls = { policy, address, verifyName, serverName: verifyName };
  return {
    key: tlsTargetKey(tls),
    address,
    tls,
    peer: new Peer({ address, hostName: verifyName }),
  };
}

test('a verified connection tells its facts, is pooled, and serves again', async () => {
  const pool = new ConnectionPool(defaultKeepalive);
  const wanted = target('a.test');
  const user = new Recorder();
  const secured = user.next('connected');
  const connection = openConnection(wanted, user, means());
  await secured;
  assert.equal(connection.tls?.protocol, 'TLSv1.3');
  const answered = user.next('data');
  connection.write('one');
  await answered;
  assert.equal(user.text, 'echo one');
  pool.put(connection);
  assert.equal(pool.take(target('b.test').key), null, 'another name is another identity');
  assert.equal(pool.take(wanted.key), connection);
  const second = new Recorder();
  connection.user = second;
  const again = second.next('data');
  connection.write('two');
  await again;
  assert.equal(second.text, 'echo two');
  assert.equal(user.text, 'echo one');
  connection.destroy();
});

test('an idle TLS connection that gets bytes or its end is closed', async () => {
  for (const act of [(s: TLSSocket) => s.write('x'), (s: TLSSocket) => s.end()]) {
    const pool = new ConnectionPool(defaultKeepalive);
    const earlier = sockets.length;
    const user = new Recorder();
    const secured = user.next('connected');
    const connection = openConnection(target('a.test'), user, means());
    await secured;
    pool.put(connection);
    while (sockets.length === earlier) await new Promise(setImmediate);
    const socket = sockets[earlier];
    assert.ok(socket !== undefined);
    act(socket);
    while (pool.idle > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(connection.closed, true);
  }
});

test('a certificate for another name ends in its error and nothing else', async () => {
  const user = new Recorder();
  const failed = user.next('error');
  const connection = openConnection(target('b.test'), user, means());
  assert.throws(() => connection.write('secret'), { code: 'INTERNAL' });
  await failed;
  assert.equal(user.error?.code, 'UPSTREAM_TLS_NAME_MISMATCH');
  assert.equal(connection.closed, true);
  assert.equal(connection.connected, false);
  assert.deepEqual(user.events, ['error']);
});

test('a refused TLS connection fails as one that could not be opened', async () => {
  const wanted = target('a.test');
  const address = { kind: 'unix', path: '/nonexistent/sallyport.sock' } as const;
  assert.ok(wanted.tls !== null);
  const user = new Recorder();
  const failed = user.next('error');
  openConnection({ ...wanted, tls: { ...wanted.tls, address } }, user, means());
  await failed;
  assert.equal(user.error?.code, 'UPSTREAM_CONNECT_FAILED');
});

test('a reset of an established TLS connection is UPSTREAM_RESET', async () => {
  const user = new Recorder();
  const secured = user.next('connected');
  const connection = openConnection(target('a.test'), user, means());
  await secured;
  const answered = user.next('data');
  connection.write('hello');
  await answered;
  const failed = user.next('error');
  // A TLS socket cannot be reset by the public API; what it wraps can.
  const raw = sockets.at(-1) as unknown as { _parent?: { resetAndDestroy(): void } };
  raw._parent?.resetAndDestroy();
  await failed;
  assert.equal(user.error?.code, 'UPSTREAM_RESET');
  assert.equal(connection.closed, true);
});
