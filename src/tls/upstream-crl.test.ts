import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crlFile, fileOf, makeCa, makeLeaf } from './hostile.test-kit.ts';
import { policyWarnings } from './upstream-policy.ts';
import {
  attempt,
  fail,
  listen,
  settings,
  succeed,
  targetAt,
  tlsUpstream,
} from './upstream.test-kit.ts';

const hour = 3_600_000;
const root = await makeCa('CRL root');
const intermediate = await makeCa('CRL intermediate', { issuer: root });
const leaf = await makeLeaf(root);
const chained = await makeLeaf(intermediate);
const trusted = fileOf('root.crt', root);
const fresh = await crlFile(root);
const freshBelow = await crlFile(intermediate);
const ago = new Date(Date.now() - hour);
const stale = await crlFile(root, { thisUpdate: new Date(Date.now() - 2 * hour), nextUpdate: ago });

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a certificate that no list names is accepted over ${version}`, async (t) => {
    const port = await listen(t, tlsUpstream([leaf], { maxVersion: version }));
    await succeed(targetAt(port, { trusted, crl: [fresh] }));
  });

  test(`a revoked certificate is refused over ${version}`, async (t) => {
    const port = await listen(t, tlsUpstream([leaf], { maxVersion: version }));
    const revoking = await crlFile(root, { revoked: [leaf.pem] });
    const error = await fail(targetAt(port, { trusted, crl: [revoking] }));
    assert.equal(error.code, 'UPSTREAM_TLS_REVOKED');
    assert.match(error.message, /certificate revoked .*issued anew/);
  });
}

test('a revoked intermediate is refused', async (t) => {
  const port = await listen(t, tlsUpstream([chained, intermediate]));
  const revoking = await crlFile(root, { revoked: [intermediate.pem] });
  const error = await fail(targetAt(port, { trusted, crl: [revoking, freshBelow] }));
  assert.equal(error.code, 'UPSTREAM_TLS_REVOKED');
});

test('every CA of the chain needs a list, from whichever file', async (t) => {
  const port = await listen(t, tlsUpstream([chained, intermediate]));
  const error = await fail(targetAt(port, { trusted, crl: [fresh] }));
  assert.equal(error.code, 'UPSTREAM_TLS_CRL_MISSING');
  assert.match(error.message, /none of "CN=CRL intermediate".*proxy_ssl_crl/);
  await succeed(targetAt(port, { trusted, crl: [fresh, freshBelow] }));
  const both = { path: 'both.crl', pem: fresh.pem + freshBelow.pem };
  await succeed(targetAt(port, { trusted, crl: [both] }));
});

test('a stale list is named with its issuer and nextUpdate, at load and in the failure', async (t) => {
  const port = await listen(t, tlsUpstream([leaf]));
  const target = targetAt(port, { trusted, crl: [stale] });
  const error = await fail(target);
  assert.equal(error.code, 'UPSTREAM_TLS_CRL_EXPIRED');
  const day = ago.toISOString().slice(0, 19);
  assert.match(error.message, new RegExp(`the list of "CN=CRL root" .*nextUpdate ${day}`));
  const [warning] = policyWarnings({ ...settings, trusted, crl: [fresh, stale] });
  assert.equal(warning?.about, 'crl');
  assert.equal(warning.index, 1);
  assert.match(warning.message, /"list\.crl": the CRL of "CN=CRL root".*nextUpdate/);
});

test('of a stale and a fresh list of one CA the fresh one counts', async (t) => {
  const port = await listen(t, tlsUpstream([leaf]));
  const target = targetAt(port, { trusted, crl: [stale, fresh] });
  await succeed(target);
  assert.equal((await succeed(target)).reused, true);
});

test('a list of the future is refused', async (t) => {
  const port = await listen(t, tlsUpstream([leaf]));
  const early = await crlFile(root, { thisUpdate: new Date(Date.now() + hour) });
  const error = await fail(targetAt(port, { trusted, crl: [early] }));
  assert.equal(error.code, 'UPSTREAM_TLS_CRL_EXPIRED');
  assert.match(error.message, /CRL is not yet valid/);
});

test('a session is not resumed after the nextUpdate of a list', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const port = await listen(t, tlsUpstream([leaf]));
  const soon = await crlFile(root, { nextUpdate: new Date(Date.now() + 60_000) });
  const target = targetAt(port, { trusted, crl: [soon] });
  await succeed(target);
  assert.equal((await succeed(target)).reused, true);
  t.mock.timers.tick(61_000);
  // Only our clock went on: for OpenSSL the list is still good.
  assert.equal((await succeed(target)).reused, false);
});

test('lists are not asked where nothing is verified', async (t) => {
  const port = await listen(t, tlsUpstream([leaf]));
  const revoking = await crlFile(root, { revoked: [leaf.pem] });
  const { facts } = await attempt(targetAt(port, { trusted, verify: 'off', crl: [revoking] }));
  assert.equal(facts?.verify, 'NONE');
});
