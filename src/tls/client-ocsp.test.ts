// Certificates of clients as they come out of a handshake: with their chain still linked to them.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { startOcspResponder } from '../../test/kit/ocsp.ts';
import type { OcspResponder } from '../../test/kit/ocsp.ts';
import { makeAuthority, makeCertificate, pemFile } from './certificates.test-kit.ts';
import { ClientOcsp } from './client-ocsp.ts';
import type { ClientOcspSettings } from './client-ocsp.ts';
import { OcspStatusCache } from './ocsp-status-cache.ts';
import { fileTrust } from './trust-store.ts';

const ca = makeAuthority('Test root');
const issuer = new X509Certificate(ca.pem);
const trust = fileTrust(pemFile('ca.crt', ca));
const failed = 'certificate status request failed';

function client(...ocspResponders: string[]): X509Certificate {
  const wish = { commonName: 'client', issuer: ca, ocspResponders };
  return new X509Certificate(makeCertificate(wish).pem);
}

function responderOf(t: TestContext): Promise<OcspResponder> {
  return startOcspResponder({ issuer, key: ca.key, scope: t });
}

function asker(wish: Partial<ClientOcspSettings> = {}) {
  const errors: string[] = [];
  const ocsp = new ClientOcsp({
    extent: 'chain',
    responder: null,
    cache: null,
    log: (_level, message) => errors.push(message),
    ...wish,
  });
  return { ocsp, errors };
}

test('a certificate is let through, revoked or unknown as its responder says', async (t) => {
  const responder = await responderOf(t);
  const leaf = client(responder.url);
  const { ocsp } = asker();
  assert.equal(await ocsp.check(leaf, trust), null);
  responder.setStatus(leaf.serialNumber, 'revoked');
  assert.equal(await ocsp.check(leaf, trust), 'certificate revoked');
  responder.setStatus(leaf.serialNumber, 'unknown');
  assert.equal(await ocsp.check(leaf, trust), 'certificate status unknown');
});

test('where nobody can be asked, or nobody answers, it is refused and logged', async (t) => {
  const bare = asker();
  assert.equal(await bare.ocsp.check(client(), trust), failed);
  assert.deepEqual(bare.errors, [
    'OCSP of the client certificate "CN=client": no OCSP responder URL in certificate',
  ]);
  const responder = await responderOf(t);
  responder.answerWith('close');
  const cut = asker();
  assert.equal(await cut.ocsp.check(client(responder.url), trust), failed);
  assert.match(cut.errors[0] ?? '', /client certificate "CN=client": asking "http:.* failed/);
});

test('a certificate that does not lead to a trusted CA is refused', async (t) => {
  const responder = await responderOf(t);
  const other = fileTrust(pemFile('other.crt', makeAuthority('Other root')));
  assert.equal(await asker().ocsp.check(client(responder.url), other), failed);
  assert.equal(responder.requests.length, 0);
});

test('the responder of the configuration overrules that of the certificate', async (t) => {
  const named = await responderOf(t);
  const given = await responderOf(t);
  const { ocsp } = asker({ responder: given.url });
  assert.equal(await ocsp.check(client(named.url), trust), null);
  assert.deepEqual([named.requests.length, given.requests.length], [0, 1]);
});

test('the whole chain is asked about, or with "leaf" the certificate alone', async (t) => {
  const root = await responderOf(t);
  const middle = makeCertificate({
    commonName: 'Intermediate',
    issuer: ca,
    authority: true,
    ocspResponders: [root.url],
  });
  const middleX509 = new X509Certificate(middle.pem);
  const below = await startOcspResponder({ issuer: middleX509, key: middle.key, scope: t });
  const leaf = new X509Certificate(
    makeCertificate({ commonName: 'client', issuer: middle, ocspResponders: [below.url] }).pem,
  );
  const both = fileTrust(pemFile('ca.crt', ca, middle));
  assert.equal(await asker().ocsp.check(leaf, both), null);
  root.setStatus(middleX509.serialNumber, 'revoked');
  assert.equal(await asker().ocsp.check(leaf, both), 'certificate revoked');
  assert.equal(await asker({ extent: 'leaf' }).ocsp.check(leaf, both), null);
});

test('a cached answer is used until its nextUpdate, revocations too', async (t) => {
  const responder = await responderOf(t);
  const cache = new OcspStatusCache(32_768);
  const good = client(responder.url);
  const revoked = client(responder.url);
  responder.setStatus(revoked.serialNumber, 'revoked');
  const { ocsp } = asker({ cache });
  for (let i = 0; i < 3; i += 1) {
    assert.equal(await ocsp.check(good, trust), null);
    assert.equal(await ocsp.check(revoked, trust), 'certificate revoked');
  }
  assert.equal(responder.requests.length, 2);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 25 * 3_600_000 });
  responder.vary({ thisUpdate: new Date(), nextUpdate: new Date(Date.now() + 60_000) });
  await ocsp.check(revoked, trust);
  assert.equal(responder.requests.length, 3);
});

test('neither failures, nor "unknown", nor answers without nextUpdate are kept', async (t) => {
  const responder = await responderOf(t);
  const { ocsp } = asker({ cache: new OcspStatusCache(32_768) });
  const leaf = client(responder.url);
  responder.answerWith('close');
  assert.equal(await ocsp.check(leaf, trust), failed);
  responder.answerWith(null);
  responder.setStatus(leaf.serialNumber, 'unknown');
  assert.equal(await ocsp.check(leaf, trust), 'certificate status unknown');
  responder.setStatus(leaf.serialNumber, 'good');
  responder.vary({ nextUpdate: null });
  assert.equal(await ocsp.check(leaf, trust), null);
  responder.setStatus(leaf.serialNumber, 'revoked');
  assert.equal(await ocsp.check(leaf, trust), 'certificate revoked');
});

test('clients that come at once with one certificate are one question', async (t) => {
  const responder = await responderOf(t);
  const { ocsp } = asker();
  const leaf = client(responder.url);
  const checks = await Promise.all([1, 2, 3].map(() => ocsp.check(leaf, trust)));
  assert.deepEqual(checks, [null, null, null]);
  assert.equal(responder.requests.length, 1);
});

test('its key tells apart what is asked and whom', () => {
  const keys = [
    asker().ocsp.key,
    asker({ extent: 'leaf' }).ocsp.key,
    asker({ responder: 'http://a.test/' }).ocsp.key,
  ];
  assert.equal(new Set(keys).size, 3);
  assert.equal(asker().ocsp.key, keys[0]);
});
