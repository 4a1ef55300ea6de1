import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { makeCertificate, pairFiles, pemFile } from './certificates.test-kit.ts';
import { upstreamSessions } from './session-cache.ts';
import { tlsTargetKey } from './upstream-connect.ts';
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

const versions = ['TLSv1.2', 'TLSv1.3'] as const;

beforeEach(() => {
  upstreamSessions.clear();
});

for (const version of versions) {
  test(`a second ${version} connection resumes and has the facts of the first`, async (t) => {
    const target = targetAt(await listen(t, tlsUpstream([goodLeaf], { maxVersion: version })));
    const full = await succeed(target);
    assert.equal(full.reused, false);
    const resumed = await succeed(target);
    assert.equal(resumed.reused, true);
    assert.notEqual(resumed.subject, '');
    assert.deepEqual(resumed, { ...full, reused: true, curve: resumed.curve });
    assert.equal((await succeed(target)).reused, true);
  });

  // nginx keys sessions by peer alone: there the location with the wrong CA is let through once the
  // other one has been used.
  test(`a ${version} session of one CA set never opens a connection of another`, async (t) => {
    const port = await listen(t, tlsUpstream([goodLeaf], { maxVersion: version }));
    await succeed(targetAt(port));
    const wrong = targetAt(port, { trusted: pemFile('other.crt', otherRoot) });
    assert.equal((await fail(wrong)).code, 'UPSTREAM_TLS_UNKNOWN_ISSUER');
    assert.equal((await succeed(targetAt(port))).reused, true);
    assert.equal((await fail(wrong)).code, 'UPSTREAM_TLS_UNKNOWN_ISSUER');
  });

  test(`a ${version} session of an unverified connection never opens a verified one`, async (t) => {
    const port = await listen(t, tlsUpstream([goodLeaf], { maxVersion: version }));
    const trusted = pemFile('other.crt', otherRoot);
    await succeed(targetAt(port, { trusted, verify: 'off' }));
    assert.equal((await succeed(targetAt(port, { trusted, verify: 'off' }))).reused, true);
    assert.equal((await fail(targetAt(port, { trusted }))).code, 'UPSTREAM_TLS_UNKNOWN_ISSUER');
  });

  test(`a ${version} session of one name never opens a connection for another`, async (t) => {
    const port = await listen(t, tlsUpstream([goodLeaf], { maxVersion: version }));
    await succeed(targetAt(port));
    const wrong = targetAt(port, {}, { verifyName: 'b.test' });
    assert.equal((await fail(wrong)).code, 'UPSTREAM_TLS_NAME_MISMATCH');
    assert.equal((await fail(wrong)).code, 'UPSTREAM_TLS_NAME_MISMATCH');
  });

  test(`a refused ${version} connection leaves no session behind`, async (t) => {
    const port = await listen(t, tlsUpstream([goodLeaf], { maxVersion: version }));
    await fail(targetAt(port, {}, { verifyName: 'b.test' }));
    assert.equal(upstreamSessions.size, 0);
  });

  test(`a ${version} session that is withdrawn while it resumes fails closed`, async (t) => {
    const target = targetAt(await listen(t, tlsUpstream([goodLeaf], { maxVersion: version })));
    await succeed(target);
    const outcome = attempt(target);
    upstreamSessions.clear();
    const { error, received } = await outcome;
    assert.equal(error?.code, 'UPSTREAM_TLS_SESSION_STALE');
    assert.match(error.message, /no longer counts/);
    assert.equal(received, '');
    assert.equal((await succeed(target)).reused, false);
  });
}

test('a session dies with the certificate that it was made with', async (t) => {
  // Valid for no more than the time of one full handshake and its successor.
  const soon = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000);
  const leaf = makeCertificate({
    commonName: 'brief',
    dns: ['a.test'],
    issuer: root,
    notAfter: soon,
  });
  const target = targetAt(await listen(t, tlsUpstream([leaf])));
  await succeed(target);
  const taken = upstreamSessions.take(tlsTargetKey(target));
  assert.equal(taken?.record.expiresAt, soon.getTime());
});

test('without session reuse nothing is kept and nothing resumed', async (t) => {
  const target = targetAt(await listen(t, tlsUpstream([goodLeaf])), { sessionReuse: false });
  await succeed(target);
  assert.equal(upstreamSessions.size, 0);
  assert.equal((await succeed(target)).reused, false);
});

test('everything in a policy is in the key of its targets', () => {
  const client = makeCertificate({ commonName: 'client', issuer: root });
  const keys = [
    targetAt(1),
    targetAt(2),
    targetAt(1, {}, { verifyName: 'b.test' }),
    targetAt(1, {}, { serverName: 'b.test' }),
    targetAt(1, {}, { serverName: null }),
    targetAt(1, { trusted: pemFile('root.crt', root, otherRoot) }),
    targetAt(1, { verify: 'off' }),
    targetAt(1, { verifyDepth: 2 }),
    targetAt(1, { protocols: ['TLSv1.3'] }),
    targetAt(1, { ciphers: 'HIGH' }),
    targetAt(1, { certificate: pairFiles(client) }),
    targetAt(1, { sessionReuse: false }),
  ].map(tlsTargetKey);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(tlsTargetKey(targetAt(1)), keys[0]);
});
