// Key exchange towards upstreams: post-quantum by default, and what proxy_ssl_groups and
// proxy_ssl_conf_command make of it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { writeIn, tempFolder } from '../../test/kit/temp-folder.ts';
import { opensslServer } from '../../test/kit/openssl.ts';
import { createUpstreamTlsPolicy } from './upstream-policy.ts';
import {
  attempt,
  fail,
  goodLeaf,
  listen,
  settings,
  succeed,
  targetAt,
  tlsUpstream,
} from './upstream.test-kit.ts';

const hybrid = 'X25519MLKEM768';
const known = spawnSync('openssl', ['list', '-kem-algorithms'], { encoding: 'utf8' });
const opensslHasHybrid = known.status === 0 && known.stdout.includes(hybrid);

test('the post-quantum group is offered by default and shows in the facts', async (t) => {
  const facts = await succeed(targetAt(await listen(t, tlsUpstream([goodLeaf]))));
  assert.equal(facts.curve, hybrid);
});

test('it is agreed on with openssl as well', { skip: !opensslHasHybrid }, async (t) => {
  const folder = tempFolder(t);
  const files = {
    cert: writeIn(folder, 'leaf.crt', goodLeaf.pem),
    key: writeIn(folder, 'leaf.key', goodLeaf.keyPem),
  };
  const address = await opensslServer(['-cert', files.cert, '-key', files.key], t);
  const { facts } = await attempt(targetAt(Number(address.split(':')[1])));
  assert.equal(facts?.curve, hybrid);
});

test('an upstream that has only older groups gets one of those', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf], { ecdhCurve: 'P-256' }));
  assert.equal((await succeed(targetAt(port))).curve, 'prime256v1');
});

test('proxy_ssl_groups chooses', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf]));
  assert.equal((await succeed(targetAt(port, { groups: 'X25519' }))).curve, 'X25519');
  assert.equal((await succeed(targetAt(port, { groups: 'P-384' }))).curve, 'secp384r1');
});

test('an upstream without one of the groups refuses', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf], { ecdhCurve: 'P-256' }));
  const error = await fail(targetAt(port, { groups: hybrid }));
  assert.equal(error.code, 'UPSTREAM_TLS_HANDSHAKE_REFUSED');
  assert.match(error.message, /alert "handshake_failure".*proxy_ssl_groups/);
});

test('proxy_ssl_conf_command is applied last', async (t) => {
  const port = await listen(t, tlsUpstream([goodLeaf]));
  const overrides = { groups: 'X25519', ciphersuites: 'TLS_AES_128_GCM_SHA256' };
  const facts = await succeed(targetAt(port, { groups: 'P-256', overrides }));
  assert.equal(facts.curve, 'X25519');
  assert.equal(facts.cipher, 'TLS_AES_128_GCM_SHA256');
  const lower = await succeed(targetAt(port, { overrides: { maxVersion: 'TLSv1.2' } }));
  assert.equal(lower.protocol, 'TLSv1.2');
});

test('an unknown group is refused at load', () => {
  assert.throws(() => createUpstreamTlsPolicy({ ...settings, groups: 'NONSENSE' }), {
    code: 'CERTIFICATE_INVALID',
    message: /proxy_ssl_groups "NONSENSE" cannot be used/,
  });
});
