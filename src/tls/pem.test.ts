import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { makeAuthority, makeCertificate } from './certificates.test-kit.ts';
import { decryptKey } from './encrypted-key.ts';
import { readPrivateKey } from './pem.ts';
import { listen, tlsUpstream } from './upstream.test-kit.ts';

const leaf = makeCertificate({ commonName: 'leaf', issuer: makeAuthority('Root') });
const encrypted = createPrivateKey(leaf.keyPem)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
  .toString();

/** Runs `work` while an established connection is failing over a record that cannot be read. */
async function whileTlsFails(t: TestContext, work: () => unknown): Promise<void> {
  const port = await listen(t, tlsUpstream([leaf]));
  let toClient: Socket | null = null;
  const relay = createTcpServer((socket) => {
    toClient = socket;
    const server = connectTcp(port, '127.0.0.1');
    server.on('error', () => socket.destroy());
    socket.on('close', () => server.destroy());
    socket.pipe(server).pipe(socket);
  });
  const at = await listen(t, relay);
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ port: at, host: '127.0.0.1', rejectUnauthorized: false });
    socket.once('data', () => toClient?.write('this is no TLS record'));
    socket.on('error', () => {
      try {
        work();
        resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      socket.destroy();
    });
  });
}

test('a key is not blamed for what goes wrong on a connection', async (t) => {
  await whileTlsFails(t, () => {
    assert.equal(readPrivateKey({ path: 'a.key', pem: leaf.keyPem }).type, 'private');
  });
});

test('an encrypted key is not blamed for it either', async (t) => {
  await whileTlsFails(t, () => {
    const { pem } = decryptKey({ path: 'a.key', pem: encrypted }, ['secret']);
    assert.match(pem, /BEGIN PRIVATE KEY/);
  });
});
