import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { testPki } from './pki.ts';
import { request } from './raw-client.ts';
import { RecordingUpstream } from './recording-upstream.ts';

const pki = await testPki();

test('it is made once', async () => {
  assert.equal(await testPki(), pki);
});

test('files and texts say the same', () => {
  assert.equal(readFileSync(pki.a.certificate, 'utf8'), pki.a.tls.cert);
  assert.equal(readFileSync(pki.caFile, 'utf8'), pki.ca);
  assert.equal(new X509Certificate(pki.a.certificatePem).subject, 'CN=a.test');
});

const verdicts = [
  ['a', null],
  ['chained', null],
  ['expired', 'CERT_HAS_EXPIRED'],
  ['notYetValid', 'CERT_NOT_YET_VALID'],
  ['wrongPurpose', 'INVALID_PURPOSE'],
  ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['untrusted', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['b', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['revoked', 'CERT_REVOKED'],
] as const;

for (const [name, code] of verdicts) {
  test(`the certificate "${name}" for a.test ${code === null ? 'is accepted' : `fails with ${code}`}`, async (t) => {
    const upstream = await RecordingUpstream.start({ tls: pki[name].tls }, t);
    const crl = code === 'CERT_REVOKED' ? { crl: readFileSync(pki.crlFile, 'utf8') } : {};
    const tls = { ca: pki.ca, servername: 'a.test', ...crl };
    const outcome = request({ port: upstream.port, tls });
    if (code === null) assert.equal((await outcome).status, 200);
    else await assert.rejects(outcome, { code });
  });
}
