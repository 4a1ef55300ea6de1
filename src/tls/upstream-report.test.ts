// Weakened verification: report mode, and the day on which it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  onlyNamesBelow,
  caExtensions,
  mustStaple,
  type Made,
} from '../../test/kit/certificate-maker.ts';
import type { ErrorCode } from '../base/errors.ts';
import { crlFile, fileOf, makeCa, makeLeaf } from './hostile.test-kit.ts';
import { createUpstreamTlsPolicy, policyInForce } from './upstream-policy.ts';
import type { UpstreamTlsSettings } from './upstream-settings.ts';
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
const root = await makeCa('Report root');
const other = await makeCa('Other root');
const trusted = fileOf('root.crt', root);
const leaf = await makeLeaf(root);
const upper = await makeCa('Upper', { issuer: root });
const deep = await makeCa('Deep', { issuer: upper });
const notCa = await makeLeaf(root, {}, { commonName: 'no CA' });
const weakCa = await makeCa('Weak CA', { rsaBits: 1024 });
const narrow = await makeCa('Narrow', {
  issuer: root,
  extensions: caExtensions({ more: [onlyNamesBelow('c.test')] }),
});

interface Row {
  readonly name: string;
  readonly chain: readonly Made[];
  readonly code: ErrorCode;
  readonly change?: Partial<UpstreamTlsSettings>;
}

const rows: readonly Row[] = [
  {
    name: 'an unknown CA',
    chain: [await makeLeaf(other)],
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
  },
  { name: 'a self-signed one', chain: [await makeLeaf(null)], code: 'UPSTREAM_TLS_SELF_SIGNED' },
  {
    name: 'an expired one',
    chain: [await makeLeaf(root, {}, { notBefore: new Date(0), notAfter: new Date(hour) })],
    code: 'UPSTREAM_TLS_EXPIRED',
  },
  {
    name: 'another name',
    chain: [await makeLeaf(root, { dns: ['b.test'] })],
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
  },
  {
    name: 'a chain that is too long',
    chain: [await makeLeaf(deep), deep, upper],
    code: 'UPSTREAM_TLS_DEPTH_EXCEEDED',
    change: { verifyDepth: 1 },
  },
  {
    name: 'none of the pinned keys',
    chain: [leaf],
    code: 'UPSTREAM_TLS_PIN_MISMATCH',
    change: { pins: [`${'A'.repeat(43)}=`] },
  },
  {
    name: 'no staple',
    chain: [await makeLeaf(root, { more: [mustStaple] })],
    code: 'UPSTREAM_TLS_OCSP_MISSING',
    change: { ocsp: 'staple' },
  },
  {
    name: 'a revoked one',
    chain: [leaf],
    code: 'UPSTREAM_TLS_REVOKED',
    change: { crl: [await crlFile(root, { revoked: [leaf.pem] })] },
  },
  {
    name: 'an issuer that is no CA',
    chain: [await makeLeaf(notCa), notCa],
    code: 'UPSTREAM_TLS_INVALID_CA',
  },
  {
    name: 'a weak key',
    chain: [await makeLeaf(root, {}, { rsaBits: 1024 })],
    code: 'UPSTREAM_TLS_WEAK_KEY',
  },
  {
    name: 'a weak key of the CA',
    chain: [await makeLeaf(weakCa)],
    code: 'UPSTREAM_TLS_WEAK_KEY',
    change: { trusted: fileOf('weak.crt', weakCa) },
  },
  {
    name: 'a weak signature',
    chain: [await makeLeaf(root, {}, { hash: 'SHA-1' })],
    code: 'UPSTREAM_TLS_WEAK_SIGNATURE',
  },
  {
    name: 'names that its CA may not issue for',
    chain: [await makeLeaf(narrow), narrow],
    code: 'UPSTREAM_TLS_NAME_CONSTRAINT',
  },
];

const old = { ciphers: 'DEFAULT:@SECLEVEL=0' };

for (const row of rows) {
  test(`${row.name} is refused where verification is on`, async (t) => {
    const port = await listen(t, tlsUpstream(row.chain, old));
    const { error, refused } = await attempt(targetAt(port, { trusted, ...row.change }));
    assert.equal(error?.code, row.code);
    assert.equal(refused?.verify, `FAILED:${row.code}`);
    assert.match(refused.subject, /^CN=/);
    assert.match(refused.fingerprint, /^[0-9a-f]{64}$/);
    assert.equal(refused.protocol, 'TLSv1.3');
    assert.match(refused.cipher, /^TLS_/);
  });

  test(`${row.name} is let through in report mode, and reported under the same code`, async (t) => {
    const port = await listen(t, tlsUpstream(row.chain, old));
    const target = targetAt(port, { trusted, verify: 'report', ...row.change });
    const { facts, reports, received } = await attempt(target);
    assert.equal(received, 'hello');
    assert.equal(facts?.verify, `REPORTED:${row.code}`);
    assert.deepEqual(
      reports.map((one) => one.code),
      [row.code],
    );
    assert.match(
      reports[0]?.message ?? '',
      /^would be refused \(report only, 1 so far on this hop\): upstream SSL certificate verify/,
    );
  });
}

test('report mode has nothing to report of a good upstream', async (t) => {
  const port = await listen(t, tlsUpstream([leaf]));
  const target = targetAt(port, { trusted, verify: 'report' });
  const { facts, reports } = await attempt(target);
  assert.equal(facts?.verify, 'SUCCESS');
  assert.deepEqual(reports, []);
  assert.equal(target.policy.reported.count, 0);
});

test('resumed connections are counted and keep the verdict, but are not reported again', async (t) => {
  const port = await listen(t, tlsUpstream([await makeLeaf(other)]));
  const target = targetAt(port, { trusted, verify: 'report' });
  await attempt(target);
  const { facts, reports } = await attempt(target);
  assert.equal(facts?.reused, true);
  assert.equal(facts.verify, 'REPORTED:UPSTREAM_TLS_UNKNOWN_ISSUER');
  assert.deepEqual(reports, []);
  assert.equal(target.policy.reported.count, 2);
});

for (const verify of ['off', 'report'] as const) {
  test(`"${verify}" ends on its day: from then on the same target is verified`, async (t) => {
    const until = Date.now() + hour;
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const port = await listen(t, tlsUpstream([await makeLeaf(other)]));
    const target = targetAt(port, { trusted, verify, weakUntil: until });
    await succeed(target);
    assert.equal((await succeed(target)).reused, true);
    t.mock.timers.tick(hour);
    await new Promise((resolve) => setImmediate(resolve));
    const error = await fail(target);
    assert.equal(error.code, 'UPSTREAM_TLS_UNKNOWN_ISSUER');
    const day = new Date(until).toISOString().slice(0, 10);
    const said = verify === 'off' ? 'was switched off until' : 'only reported until';
    assert.ok(error.message.includes(`verification ${said} ${day}`), error.message);
  });
}

test('the policy in force is the policy itself, and after its day a strict one of another key', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const weak = createUpstreamTlsPolicy({
    ...settings,
    verify: 'off',
    weakUntil: Date.now() + hour,
  });
  const forever = createUpstreamTlsPolicy({ ...settings, verify: 'off' });
  assert.equal(policyInForce(weak), weak);
  t.mock.timers.tick(2 * hour);
  const strict = policyInForce(
    createUpstreamTlsPolicy({ ...settings, verify: 'off', weakUntil: 1 }),
  );
  assert.equal(strict.settings.verify, 'on');
  assert.notEqual(strict.key, weak.key);
  assert.equal(policyInForce(strict), strict);
  assert.equal(policyInForce(forever), forever);
  assert.equal(createUpstreamTlsPolicy(settings).weakened, null);
});

test('the strict twin is made once', () => {
  const weak = createUpstreamTlsPolicy({ ...settings, verify: 'report', weakUntil: 1 });
  assert.equal(policyInForce(weak), policyInForce(weak));
  assert.deepEqual(policyInForce(weak).weakened, { mode: 'report', until: 1 });
});
