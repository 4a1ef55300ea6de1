// A self-test must be able to fail: here the handshakes are replaced by ones that let impostors in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import { defaultUpstreamTlsSettings } from '../tls/upstream-settings.ts';
import { SallyportError } from '../base/errors.ts';
import type { Attempt } from '../tls/probe-connect.ts';
import { CertificateAuthority } from '../pki/authority.ts';
import { testTargets } from './selftest.ts';

async function target() {
  const { certificatePem: pem } = await CertificateAuthority.create({ commonName: 'Root' });
  const policy = createUpstreamTlsPolicy({
    ...defaultUpstreamTlsSettings,
    trusted: { path: 'ca.pem', pem },
  });
  const names = { verifyName: 'a.test', serverName: 'a.test' };
  return { from: 'a.conf:1', to: 'https://a.test', server: 'a.test', policy, ...names };
}

const passed: Attempt = { error: null, verified: true, reported: null };
const refused: Attempt = {
  error: new SallyportError('UPSTREAM_TLS_UNKNOWN_ISSUER', 'refused'),
  verified: false,
  reported: null,
};

test('an impostor that gets through is a failure', async () => {
  const [row] = await testTargets([await target()], () => Promise.resolve(passed));
  assert.equal(row?.verdict, 'failed');
  for (const { outcome } of row.outcomes) assert.equal(outcome, 'let through');
});

test('one that only gets through where its CA is trusted is a failure as well', async () => {
  const one = await target();
  const [row] = await testTargets([one], ({ policy }) =>
    Promise.resolve(policy === one.policy ? refused : passed),
  );
  assert.equal(row?.verdict, 'failed');
  assert.deepEqual(
    row.outcomes.map(({ outcome }) => outcome),
    ['refused', 'let through', 'let through', 'let through'],
  );
});

test('equal targets are tested once and shown each', async () => {
  const one = await target();
  let count = 0;
  const rows = await testTargets([one, { ...one, from: 'a.conf:2' }], () => {
    count += 1;
    return Promise.resolve(refused);
  });
  assert.deepEqual(
    rows.map(({ from, verdict, genuine }) => [from, verdict, genuine]),
    [
      ['a.conf:1', 'proved', false],
      ['a.conf:2', 'proved', false],
    ],
  );
  assert.equal(count, 8);
});
