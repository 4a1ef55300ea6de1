import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { CertificateProblem } from './client-facts.ts';
import type { CertificateWish, TestCertificate } from './certificates.test-kit.ts';
import { makeAuthority, makeCertificate, pemFile } from './certificates.test-kit.ts';
import { openDoor, serverPolicy, visit } from './front-door.test-kit.ts';
import type { ServerTlsSettings, VerifyClient } from './server-policy.ts';
import type { TrustStore } from './trust-store.ts';
import { otherRoot, root } from './upstream.test-kit.ts';

const intermediate = makeAuthority('Intermediate', root);
const lower = makeAuthority('Lower', intermediate);

function clientWith(wish: Partial<CertificateWish>): TestCertificate {
  return makeCertificate({ commonName: 'client', issuer: root, ...wish });
}

const clients: Record<string, readonly TestCertificate[]> = {
  none: [],
  good: [clientWith({})],
  selfSigned: [clientWith({ issuer: null })],
  unknownCa: [clientWith({ issuer: otherRoot })],
  expired: [clientWith({ notAfter: new Date(Date.now() - 1000) })],
  serverOnly: [clientWith({ purposes: ['server'] })],
  oneIntermediate: [clientWith({ issuer: intermediate }), intermediate],
  twoIntermediates: [clientWith({ issuer: lower }), lower, intermediate],
};

type Row = readonly [
  mode: VerifyClient,
  client: string,
  verify: string,
  problem: CertificateProblem,
];

const unknownCa = 'FAILED:unable to verify the first certificate';
const tooLong = 'FAILED:certificate chain too long';

const rows: readonly Row[] = [
  ['on', 'none', 'NONE', 'absent'],
  ['on', 'good', 'SUCCESS', null],
  ['on', 'selfSigned', 'FAILED:self-signed certificate', 'invalid'],
  ['on', 'unknownCa', unknownCa, 'invalid'],
  ['on', 'expired', 'FAILED:certificate has expired', 'invalid'],
  ['on', 'serverOnly', 'FAILED:unsuitable certificate purpose', 'invalid'],
  ['on', 'oneIntermediate', 'SUCCESS', null],
  ['on', 'twoIntermediates', tooLong, 'invalid'],
  ['optional', 'none', 'NONE', null],
  ['optional', 'good', 'SUCCESS', null],
  ['optional', 'unknownCa', unknownCa, 'invalid'],
  ['optional', 'twoIntermediates', tooLong, 'invalid'],
  ['optional_no_ca', 'none', 'NONE', null],
  ['optional_no_ca', 'good', 'SUCCESS', null],
  ['optional_no_ca', 'selfSigned', 'FAILED:self-signed certificate', null],
  ['optional_no_ca', 'unknownCa', unknownCa, null],
  ['optional_no_ca', 'expired', 'FAILED:certificate has expired', 'invalid'],
  ['off', 'good', 'NONE', null],
];

const withRoot: Partial<ServerTlsSettings> = { clientCertificate: pemFile('ca.crt', root) };

function credentials(name: string): { cert?: string; key?: string } {
  const [leaf, ...chain] = clients[name] ?? [];
  if (leaf === undefined) return {};
  return { cert: [leaf, ...chain].map((one) => one.pem).join(''), key: leaf.keyPem };
}

for (const [mode, name, verify, problem] of rows) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${mode}: a client with certificate "${name}" over ${version} is ${verify}`, async (t) => {
      const policy = serverPolicy({ ...withRoot, verifyClient: mode });
      const door = await openDoor(t, () => policy);
      const seen = await visit(door, { ...credentials(name), maxVersion: version });
      // The handshake succeeds in any case: the refusal is an answer in HTTP.
      assert.equal(seen.error, null);
      const { facts } = await door.next();
      assert.equal(facts?.verify, verify);
      assert.equal(facts.certificateProblem, problem);
      assert.equal(facts.certificate !== null, mode !== 'off' && name !== 'none');
    });
  }
}

test('the facts of the certificate are those of nginx', async (t) => {
  const policy = serverPolicy({ ...withRoot, verifyClient: 'on' });
  const door = await openDoor(t, () => policy);
  await visit(door, credentials('good'));
  const { facts } = await door.next();
  assert.equal(facts?.subject, 'CN=client');
  assert.equal(facts.issuer, 'CN=Root');
  assert.match(facts.serial, /^[0-9A-F]+$/);
  assert.match(facts.fingerprint, /^[0-9a-f]{40}$/);
  assert.match(facts.notBefore, / GMT$/);
  assert.match(facts.notAfter, / GMT$/);
});

test('optional_no_ca works without any CA', async (t) => {
  const policy = serverPolicy({ verifyClient: 'optional_no_ca' });
  const door = await openDoor(t, () => policy);
  await visit(door, credentials('unknownCa'));
  const { facts } = await door.next();
  assert.equal(facts?.verify, unknownCa);
  assert.equal(facts.certificateProblem, null);
});

test('servers of one port verify clients each in its own way', async (t) => {
  const strict = serverPolicy({ ...withRoot, id: 'strict', verifyClient: 'on' });
  const open = serverPolicy({ id: 'open' });
  const door = await openDoor(t, (name) => (name === 'strict.test' ? strict : open));
  await visit(door, { servername: 'strict.test', ...credentials('good') });
  const first = (await door.next()).facts;
  await visit(door, { servername: 'open.test', ...credentials('good') });
  const second = (await door.next()).facts;
  await visit(door, { servername: 'strict.test' });
  const third = (await door.next()).facts;
  assert.deepEqual(
    [first?.verify, second?.verify, third?.verify, third?.certificateProblem],
    ['SUCCESS', 'NONE', 'NONE', 'absent'],
  );
  assert.notEqual(first?.clientVerificationKey, second?.clientVerificationKey);
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`where clients are verified nothing resumes over ${version}`, async (t) => {
    const policy = serverPolicy({ ...withRoot, verifyClient: 'optional' });
    const door = await openDoor(t, () => policy);
    const first = await visit(door, { ...credentials('twoIntermediates'), maxVersion: version });
    const again = await visit(door, {
      maxVersion: version,
      ...credentials('twoIntermediates'),
      ...(first.session === null ? {} : { session: first.session }),
    });
    assert.equal(again.reused, false);
    assert.equal((await door.next()).facts?.certificateProblem, 'invalid');
    assert.equal((await door.next()).facts?.certificateProblem, 'invalid');
  });
}

test('what a check finds later counts before the connection is handed out', async (t) => {
  const asked: string[] = [];
  const clientCheck = {
    key: 'test',
    check: (certificate: X509Certificate, trust: TrustStore) => {
      asked.push(`${certificate.subject} of ${trust.size}`);
      return Promise.resolve('certificate revoked');
    },
  };
  const policy = serverPolicy({ ...withRoot, verifyClient: 'optional' }, { clientCheck });
  const door = await openDoor(t, () => policy);
  const outcome = async (name: string) => {
    await visit(door, credentials(name));
    const { facts } = await door.next();
    return [facts?.verify, facts?.certificateProblem];
  };
  assert.deepEqual(await outcome('good'), ['FAILED:certificate revoked', 'invalid']);
  // Whoever is refused anyway, or has no certificate, is not asked about.
  assert.deepEqual(await outcome('none'), ['NONE', null]);
  assert.deepEqual(await outcome('unknownCa'), [unknownCa, 'invalid']);
  assert.deepEqual(asked, ['CN=client of 1']);
  const without = serverPolicy({ ...withRoot, verifyClient: 'optional' });
  assert.notEqual(policy.clientVerificationKey, without.clientVerificationKey);
});

test('a client that leaves while it is checked is a failed handshake', async (t) => {
  const { promise, resolve } = Promise.withResolvers<null>();
  let began = (): void => undefined;
  const checking = new Promise<void>((started) => (began = started));
  const clientCheck = {
    key: 'test',
    check: () => {
      began();
      return promise;
    },
  };
  const policy = serverPolicy({ ...withRoot, verifyClient: 'on' }, { clientCheck });
  const door = await openDoor(t, () => policy);
  const socket = connect({
    port: door.port,
    ca: root.pem,
    servername: 'a.test',
    ...credentials('good'),
  });
  socket.on('error', () => undefined);
  await checking;
  socket.destroy();
  const { error, raw } = await door.next();
  assert.equal(error?.code, 'CLIENT_TLS_FAILED');
  resolve(null);
  await promise;
  assert.equal(raw.destroyed, true);
});
