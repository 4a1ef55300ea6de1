import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Server } from 'node:tls';
import { makeCertificate, pairFiles } from './certificates.test-kit.ts';
import {
  attempt,
  fail,
  goodLeaf,
  listen,
  otherRoot,
  root,
  succeed,
  targetAt,
  tlsUpstream,
} from './upstream.test-kit.ts';

const known = pairFiles(makeCertificate({ commonName: 'known', issuer: root }));
const unknown = pairFiles(makeCertificate({ commonName: 'unknown', issuer: otherRoot }));

function demanding(version: 'TLSv1.2' | 'TLSv1.3'): Server {
  return tlsUpstream([goodLeaf], { requestCert: true, ca: root.pem, maxVersion: version });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`the client certificate is presented over ${version}`, async (t) => {
    const server = demanding(version);
    const seen = new Promise((resolve) => {
      server.on('secureConnection', (socket) => {
        resolve(socket.getPeerX509Certificate()?.subject);
      });
    });
    await succeed(targetAt(await listen(t, server), { certificate: known }));
    assert.equal(await seen, 'CN=known');
  });
}

test('over TLS 1.2 an upstream that demands a certificate fails the handshake', async (t) => {
  const port = await listen(t, demanding('TLSv1.2'));
  const none = await fail(targetAt(port));
  assert.equal(none.code, 'UPSTREAM_TLS_CLIENT_CERT_REFUSED');
  assert.match(
    none.message,
    /demands a client certificate.*no client certificate; .*proxy_ssl_cert/,
  );
  const refused = await fail(targetAt(port, { certificate: unknown }));
  assert.match(refused.message, /client certificate "unknown\.crt"/);
});

test('over TLS 1.3 the demand comes after the handshake and is told apart', async (t) => {
  const port = await listen(t, demanding('TLSv1.3'));
  const { facts, lateError, received } = await attempt(targetAt(port));
  assert.equal(facts?.verify, 'SUCCESS');
  assert.equal(received, '');
  assert.equal(lateError?.code, 'UPSTREAM_TLS_CLIENT_CERT_REFUSED');
  assert.match(lateError.message, /demands a client certificate.*set proxy_ssl_certificate/);
});
