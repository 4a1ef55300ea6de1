import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { getCACertificates } from 'node:tls';
import { pemFile } from './certificates.test-kit.ts';
import { clientTrust, createTrustingServer } from './client-trust.ts';
import { leafA } from './front-door.test-kit.ts';
import { otherRoot, root } from './upstream.test-kit.ts';

const named = pemFile('named.crt', root);
const unnamed = pemFile('unnamed.crt', otherRoot);

function fingerprints(): string[] {
  const all = getCACertificates('default').map((pem) => new X509Certificate(pem).fingerprint256);
  return [...new Set(all)].sort();
}

test('both are trusted, one is named', () => {
  const trust = clientTrust(named, unnamed);
  assert.deepEqual([trust.all.size, trust.named.size], [2, 1]);
  assert.deepEqual([clientTrust(null, unnamed).all.size, clientTrust(null, null).all.size], [1, 0]);
  assert.equal(clientTrust(null, unnamed).named.size, 0);
});

test("the process's own list of CAs stays as it was, also where no server comes of it", () => {
  const before = fingerprints();
  createTrustingServer({ cert: leafA.pem, key: leafA.keyPem }, clientTrust(named, unnamed));
  assert.deepEqual(fingerprints(), before);
  const broken = { cert: leafA.pem, key: leafA.keyPem, ciphers: 'NONSENSE' };
  assert.throws(() => createTrustingServer(broken, clientTrust(null, unnamed)));
  assert.deepEqual(fingerprints(), before);
});
