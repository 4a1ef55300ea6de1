// Staples in real handshakes of one tls.Server; the whole way from the configuration is tested in
// test/stapling.test.ts.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, createServer } from 'node:tls';
import { makeStaple, startOcspResponder } from '../../test/kit/ocsp.ts';
import type { OcspResponder } from '../../test/kit/ocsp.ts';
import { makeAuthority, makeCertificate } from './certificates.test-kit.ts';
import type { CertificateWish, TestCertificate } from './certificates.test-kit.ts';
import { checkOcspResponse } from './ocsp-response.ts';
import { attachStapler, staplerFor } from './stapling.ts';
import type { Stapler, StaplerSettings } from './stapling.ts';

const ca = makeAuthority('Test root');
const issuer = new X509Certificate(ca.pem);
const hour = 3_600_000;

// Each test has its own certificate: what is known of one is shared by its staplers.
function certificate(wish: Partial<CertificateWish> = {}): TestCertificate {
  return makeCertificate({ commonName: 'a.test', issuer: ca, dns: ['a.test'], ...wish });
}

interface Made {
  readonly stapler: Stapler | null;
  readonly warnings: string[];
  readonly errors: string[];
}

function make(t: TestContext, leaf: TestCertificate, wish: Partial<StaplerSettings> = {}): Made {
  const warnings: string[] = [];
  const errors: string[] = [];
  const stapler = staplerFor({
    certificates: [new X509Certificate(leaf.pem), issuer],
    name: 'a.crt',
    trusted: [],
    file: null,
    responder: null,
    warn: (message) => warnings.push(message),
    log: (_level, message) => errors.push(message),
    ...wish,
  });
  t.after(() => stapler?.stop());
  return { stapler, warnings, errors };
}

function running(made: Made): Stapler {
  assert.deepEqual(made.warnings, []);
  assert.ok(made.stapler !== null);
  return made.stapler;
}

// Timers may be mocked: these turns of the event loop are not.
async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 100_000; turns += 1) {
    if (condition()) return;
    await nextTurn();
  }
  assert.fail('it did not come');
}

function responderOf(t: TestContext): Promise<OcspResponder> {
  return startOcspResponder({ issuer, key: ca.key, scope: t });
}

async function stapleSeen(t: TestContext, leaf: TestCertificate, stapler: Stapler) {
  const server = createServer({ cert: leaf.pem, key: leaf.keyPem });
  attachStapler(server, stapler);
  server.on('secureConnection', (socket) => socket.end());
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: ca.pem,
    servername: 'a.test',
    requestOCSP: true,
  });
  const [response] = (await once(socket, 'OCSPResponse')) as [Buffer | null];
  await once(socket, 'secureConnect');
  socket.destroy();
  return response;
}

test('the very first client gets a staple, and further ones the same without a question', async (t) => {
  const responder = await responderOf(t);
  const leaf = certificate({ ocspResponders: [responder.url] });
  const stapler = running(make(t, leaf));
  const first = await stapleSeen(t, leaf, stapler);
  assert.ok(first !== null);
  const about = { leaf: new X509Certificate(leaf.pem), issuer };
  assert.equal(checkOcspResponse(first, about).kind, 'good');
  assert.deepEqual(await stapleSeen(t, leaf, stapler), first);
  assert.equal(responder.requests.length, 1);
});

test('nobody is asked before somebody needs it', async (t) => {
  const responder = await responderOf(t);
  const stapler = running(make(t, certificate({ ocspResponders: [responder.url] })));
  assert.equal(responder.requests.length, 0);
  assert.equal(stapler.staple(), null);
  await until(() => stapler.staple() !== null);
});

test('staplers of one certificate share one response', async (t) => {
  const responder = await responderOf(t);
  const leaf = certificate({ ocspResponders: [responder.url] });
  const old = running(make(t, leaf));
  const response = await old.ready();
  const fresh = running(make(t, leaf));
  old.stop();
  assert.ok(response !== null);
  assert.equal(fresh.staple(), response);
});

test('the issuer may come from the trusted certificates', async (t) => {
  const responder = await responderOf(t);
  const leaf = certificate({ ocspResponders: [responder.url] });
  const certificates = [new X509Certificate(leaf.pem)];
  const made = make(t, leaf, { certificates, trusted: [issuer] });
  assert.ok((await running(made).ready()) !== null);
});

test('without an issuer or a responder it is ignored, in the words of nginx', (t) => {
  const leaf = certificate();
  const alone = make(t, leaf, { certificates: [new X509Certificate(leaf.pem)] });
  assert.equal(alone.stapler, null);
  assert.deepEqual(alone.warnings, [
    '"ssl_stapling" ignored, issuer certificate not found for certificate "a.crt"',
  ]);
  assert.deepEqual(make(t, leaf).warnings, [
    '"ssl_stapling" ignored, no OCSP responder URL in the certificate "a.crt"',
  ]);
  assert.deepEqual(make(t, leaf, { responder: 'https://a.test/' }).warnings, [
    '"ssl_stapling" ignored, invalid URL prefix in OCSP responder "https://a.test/" in the ' +
      'certificate "a.crt"',
  ]);
});

test('a responder given overrules those that the certificate names', async (t) => {
  const named = await responderOf(t);
  const given = await responderOf(t);
  const made = make(t, certificate({ ocspResponders: [named.url] }), { responder: given.url });
  assert.ok((await running(made).ready()) !== null);
  assert.equal(named.requests.length, 0);
  assert.equal(given.requests.length, 1);
});

test('a status other than good is not stapled but logged, and the handshake goes on', async (t) => {
  for (const status of ['revoked', 'unknown'] as const) {
    const responder = await responderOf(t);
    const leaf = certificate({ ocspResponders: [responder.url] });
    responder.setStatus(new X509Certificate(leaf.pem).serialNumber, status);
    const made = make(t, leaf);
    assert.equal(await stapleSeen(t, leaf, running(made)), null);
    assert.deepEqual(made.errors, [
      'OCSP stapling for the certificate "a.crt": certificate status ' +
        `"${status}" in the OCSP response`,
    ]);
  }
});

test('a response that cannot be believed is not stapled but logged', async (t) => {
  const other = makeAuthority('Other root');
  const responder = await startOcspResponder({ issuer, key: other.key, scope: t });
  const leaf = certificate({ ocspResponders: [responder.url] });
  const made = make(t, leaf);
  assert.equal(await stapleSeen(t, leaf, running(made)), null);
  assert.match(made.errors[0] ?? '', /is refused: its signature is wrong$/);
});

test('a responder that hangs holds up the first client for two seconds, the next not at all', async (t) => {
  const responder = await responderOf(t);
  responder.answerWith('silence');
  const stapler = running(make(t, certificate({ ocspResponders: [responder.url] })));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const first = stapler.ready();
  t.mock.timers.tick(2_000);
  assert.equal(await first, null);
  assert.equal(await stapler.ready(), null);
  assert.equal(responder.requests.length <= 1, true);
});

test('it is renewed hourly, and the old one serves until the new one is there', async (t) => {
  const responder = await responderOf(t);
  const stapler = running(make(t, certificate({ ocspResponders: [responder.url] })));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const first = await stapler.ready();
  assert.ok(first !== null);
  t.mock.timers.tick(hour - 1);
  assert.equal(responder.requests.length, 1);
  responder.vary({ thisUpdate: new Date(Date.now() - 60_000) });
  t.mock.timers.tick(1);
  assert.equal(stapler.staple(), first);
  await until(() => stapler.staple()?.equals(first) === false);
});

test('a failure is asked about again after five minutes, and what was good stays', async (t) => {
  const responder = await responderOf(t);
  const made = make(t, certificate({ ocspResponders: [responder.url] }));
  const stapler = running(made);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const first = await stapler.ready();
  responder.answerWith({ status: 500, body: Buffer.alloc(0) });
  t.mock.timers.tick(hour);
  await until(() => made.errors.length === 1);
  assert.equal(stapler.staple(), first);
  t.mock.timers.tick(299_999);
  assert.equal(responder.requests.length, 2);
  t.mock.timers.tick(1);
  await until(() => responder.requests.length === 3);
});

test('after a stop nothing is asked any more', async (t) => {
  const responder = await responderOf(t);
  const stapler = running(make(t, certificate({ ocspResponders: [responder.url] })));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  assert.ok((await stapler.ready()) !== null);
  stapler.stop();
  t.mock.timers.tick(3 * hour);
  assert.equal(responder.requests.length, 1);
});

test('a response whose time is over is not sent', async (t) => {
  const responder = await responderOf(t);
  const stapler = running(make(t, certificate({ ocspResponders: [responder.url] })));
  assert.ok((await stapler.ready()) !== null);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 25 * hour });
  assert.equal(stapler.staple(), null);
});

test('a response from a file is sent as long as it proves that the certificate is good', async (t) => {
  const leaf = certificate();
  const der = makeStaple({ leaf: new X509Certificate(leaf.pem), issuer, key: ca.key });
  const made = make(t, leaf, { file: { path: 'a.der', der } });
  const stapler = running(made);
  assert.deepEqual(await stapleSeen(t, leaf, stapler), der);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 25 * hour });
  assert.equal(stapler.staple(), null);
  assert.equal(stapler.staple(), null);
  assert.equal(made.errors.length, 1);
  assert.match(made.errors[0] ?? '', /OCSP response in "a.der": it expired on/);
});

test('a file with the response for another certificate is warned of and not sent', (t) => {
  const other = new X509Certificate(certificate().pem);
  const der = makeStaple({ leaf: other, issuer, key: ca.key });
  const made = make(t, certificate(), { file: { path: 'a.der', der } });
  assert.deepEqual(made.warnings, [
    '"ssl_stapling" is without effect, the response in "a.der" does not fit the certificate ' +
      '"a.crt": it is about another certificate',
  ]);
  assert.equal(made.stapler?.staple(), null);
});
