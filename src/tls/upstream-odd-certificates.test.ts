// Certificates that are made to break whoever looks at them: refused like any other, in one line that
// still says what is to be known, and the process goes on.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { makeAuthority, makeCertificate } from './certificates.test-kit.ts';
import {
  attempt,
  fail,
  goodLeaf,
  listen,
  root,
  targetAt,
  tlsUpstream,
} from './upstream.test-kit.ts';

const lax = { ciphers: 'DEFAULT:@SECLEVEL=0' };

/** A certificate whose key is of no kind that anybody knows. */
function undecodable(): { pem: string; keyPem: string } {
  const { pem, keyPem } = makeAuthority('odd', root);
  const der = new X509Certificate(pem).raw;
  // id-ecPublicKey, 1.2.840.10045.2.1, to 1.2.840.10045.2.127
  const at = der.indexOf(Buffer.from('2a8648ce3d0201', 'hex'));
  der[at + 6] = 0x7f;
  const base64 = der.toString('base64').replace(/.{64}/g, '$&\n');
  return { pem: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`, keyPem };
}

test('the odd certificate is odd', () => {
  assert.throws(() => new X509Certificate(undecodable().pem).publicKey);
});

for (const verify of ['on', 'report'] as const) {
  test(`a key in the chain that nobody can read does no harm where verification is ${verify}`, async (t) => {
    const weak = makeCertificate({
      commonName: 'weak',
      dns: ['a.test'],
      issuer: root,
      keyType: 'rsa',
      bits: 1024,
    });
    const port = await listen(t, tlsUpstream([weak, undecodable()], lax));
    const { error, reports } = await attempt(targetAt(port, { verify }));
    const told = error ?? reports[0];
    assert.equal(told?.code, 'UPSTREAM_TLS_WEAK_KEY');
    assert.match(told.message, /"CN=weak" has a key rsa 1024 .*"CN=odd" has a key unknown/);
  });
}

test('names without measure push nothing out of the line', async (t) => {
  const long = makeCertificate({
    commonName: 'x'.repeat(20_000),
    dns: Array.from({ length: 500 }, (_, i) => `${'y'.repeat(60)}${i}.test`),
    issuer: root,
  });
  const { message } = await fail(targetAt(await listen(t, tlsUpstream([long]))));
  assert.ok(message.length < 3000, `${message.length} characters`);
  assert.match(message, /subject "CN=x+\.\.\."; issuer "CN=Root"; chain: /);
  assert.match(message, /sha256 [0-9a-f]{64}; to mend this: set proxy_ssl_name/);
});

test('of a chain without measure the log shows its ends', async (t) => {
  const more = Array.from({ length: 20 }, (_, i) => makeAuthority(`CA ${i}`, root));
  const port = await listen(t, tlsUpstream([goodLeaf, ...more]));
  const { message } = await fail(targetAt(port, {}, { verifyName: 'b.test' }));
  assert.match(message, /chain: "CN=leaf" <- "CN=CA 0" <- .*"CN=CA 3" <- 16 more <- "CN=Root";/);
});
