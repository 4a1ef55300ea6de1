import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { connect, createServer } from 'node:tls';
import { makeAuthority, makeCertificate } from './certificates.test-kit.ts';
import { fileTrust } from './trust-store.ts';
import { findVerifiedPath } from './verified-path.ts';

const root = makeAuthority('Root');
const between = makeAuthority('Between', root);
const leaf = makeCertificate({ commonName: 'leaf', issuer: between, dns: ['a.test'] });
/** Names and key of whoever likes; the real one's signature is missing. */
const impostor = makeAuthority('Between', root);
const namesake = makeAuthority('Root');

/** The leaf of such a chain as a client gets it: its issuers are those that came over the wire. */
function presented(t: TestContext, chain: readonly { pem: string }[]): Promise<X509Certificate> {
  const cert = chain.map(({ pem }) => pem).join('');
  const server = createServer({ cert, key: leaf.keyPem }, (socket) => socket.end());
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  t.after(() => server.close());
  return new Promise((resolve, reject) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        const certificate = socket.getPeerX509Certificate();
        if (certificate === undefined) reject(new Error('no certificate'));
        else resolve(certificate);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  });
}

function pathTo(certificate: X509Certificate, ...trusted: { pem: string }[]) {
  const trust = fileTrust({ path: 'ca', pem: trusted.map(({ pem }) => pem).join('') });
  const path = findVerifiedPath(certificate, trust);
  return path === null ? null : path.map((one) => one.fingerprint256);
}

function fingerprints(...chain: { pem: string }[]): string[] {
  return chain.map(({ pem }) => new X509Certificate(pem).fingerprint256);
}

test('the path goes from the leaf over what was presented to the trusted root', async (t) => {
  const found = await presented(t, [leaf, between]);
  assert.deepEqual(pathTo(found, root), fingerprints(leaf, between, root));
});

test('an issuer by name alone is passed over for the one whose signature it is', async (t) => {
  const found = await presented(t, [leaf, impostor, between]);
  assert.deepEqual(pathTo(found, root), fingerprints(leaf, between, root));
});

test('an issuer by name alone makes no path', async (t) => {
  const found = await presented(t, [leaf, impostor]);
  assert.equal(pathTo(found, root), null);
});

test('of two trusted roots of one name the one counts that has signed', async (t) => {
  const found = await presented(t, [leaf, between]);
  assert.deepEqual(pathTo(found, namesake, root), fingerprints(leaf, between, root));
  assert.equal(pathTo(found, namesake), null);
});

test('a trusted CA that is no root ends no path', async (t) => {
  const found = await presented(t, [leaf]);
  assert.equal(pathTo(found, between), null);
  assert.deepEqual(pathTo(found, between, root), fingerprints(leaf, between, root));
});
