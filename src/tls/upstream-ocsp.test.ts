import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { mustStaple, type Made } from '../../test/kit/certificate-maker.ts';
import { makeStaple, type StapleWish } from '../../test/kit/ocsp.ts';
import type { ErrorCode } from '../base/errors.ts';
import { fileOf, makeCa, makeLeaf } from './hostile.test-kit.ts';
import type { OcspMode } from './upstream-settings.ts';
import { attempt, listen, succeed, targetAt, tlsUpstream } from './upstream.test-kit.ts';

const hour = 3_600_000;
const root = await makeCa('OCSP root');
const stranger = await makeCa('Stranger');
const leaf = await makeLeaf(root);
const demanding = await makeLeaf(root, { more: [mustStaple] });
const trusted = fileOf('root.crt', root);

function staple(about: Made, wish: Partial<StapleWish> = {}): Buffer {
  const [subject, issuer] = [about, root].map((one) => new X509Certificate(one.pem));
  assert.ok(subject !== undefined && issuer !== undefined);
  return makeStaple({ leaf: subject, issuer, key: root.keyPem, ...wish });
}

interface Row {
  readonly name: string;
  readonly shown: Made;
  readonly staple: Buffer | null;
  readonly ocsp: OcspMode;
  readonly code: ErrorCode | null;
  readonly fact: string;
  readonly says?: RegExp;
}

const old = {
  thisUpdate: new Date(Date.now() - 3 * hour),
  nextUpdate: new Date(Date.now() - hour),
};
const good = staple(leaf);
const missing = 'UPSTREAM_TLS_OCSP_MISSING';
const invalid = 'UPSTREAM_TLS_OCSP_INVALID';

const rows: readonly Row[] = [
  { name: 'no staple', shown: leaf, staple: null, ocsp: 'off', code: null, fact: '' },
  { name: 'a staple', shown: leaf, staple: good, ocsp: 'off', code: null, fact: '' },
  { name: 'no staple', shown: leaf, staple: null, ocsp: 'staple', code: null, fact: 'NONE' },
  { name: 'a good staple', shown: leaf, staple: good, ocsp: 'staple', code: null, fact: 'GOOD' },
  { name: 'a good staple', shown: leaf, staple: good, ocsp: 'require', code: null, fact: 'GOOD' },
  {
    name: 'no staple',
    shown: leaf,
    staple: null,
    ocsp: 'require',
    code: missing,
    fact: 'NONE',
    says: /proxy_ssl_ocsp require demands one.*set proxy_ssl_ocsp staple/,
  },
  {
    name: 'a must-staple certificate without a staple',
    shown: demanding,
    staple: null,
    ocsp: 'off',
    code: null,
    fact: '',
  },
  {
    name: 'a must-staple certificate without a staple',
    shown: demanding,
    staple: null,
    ocsp: 'staple',
    code: missing,
    fact: 'NONE',
    says: /must-staple.*switch OCSP stapling on at the upstream$/,
  },
  {
    name: 'a must-staple certificate with a staple',
    shown: demanding,
    staple: staple(demanding),
    ocsp: 'staple',
    code: null,
    fact: 'GOOD',
  },
  {
    name: 'a staple that says revoked',
    shown: leaf,
    staple: staple(leaf, { status: 'revoked', revokedAt: new Date('2026-01-02T03:04:05Z') }),
    ocsp: 'staple',
    code: 'UPSTREAM_TLS_REVOKED',
    fact: 'REVOKED',
    says: /revoked \(2026-01-02T03:04:05/,
  },
  {
    name: 'a staple that says unknown',
    shown: leaf,
    staple: staple(leaf, { status: 'unknown' }),
    ocsp: 'staple',
    code: invalid,
    fact: 'INVALID',
    says: /does not know the certificate/,
  },
  {
    name: 'a staple of another CA',
    shown: leaf,
    staple: staple(leaf, { key: stranger.keyPem }),
    ocsp: 'staple',
    code: invalid,
    fact: 'INVALID',
  },
  {
    name: 'a staple that is too old',
    shown: leaf,
    staple: staple(leaf, old),
    ocsp: 'staple',
    code: invalid,
    fact: 'INVALID',
    says: /expired on/,
  },
  {
    name: 'rubbish',
    shown: leaf,
    staple: Buffer.from('rubbish'),
    ocsp: 'staple',
    code: invalid,
    fact: 'INVALID',
    says: /malformed/,
  },
];

for (const row of rows) {
  const outcome = row.code ?? 'accepted';
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${row.name} with ocsp ${row.ocsp} over ${version}: ${outcome}`, async (t) => {
      const stapled = row.staple === null ? {} : { staple: row.staple };
      const port = await listen(t, tlsUpstream([row.shown], { maxVersion: version, ...stapled }));
      const target = targetAt(port, { trusted, ocsp: row.ocsp });
      const { error, facts, refused, received } = await attempt(target);
      assert.equal(error?.code ?? null, row.code);
      assert.equal((facts ?? refused)?.ocsp, row.fact);
      assert.equal(received, row.code === null ? 'hello' : '');
      if (row.says !== undefined) assert.match(error?.message ?? '', row.says);
    });
  }
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a resumed ${version} connection has no staple and keeps what the first one said`, async (t) => {
    const port = await listen(t, tlsUpstream([leaf], { maxVersion: version, staple: good }));
    const target = targetAt(port, { trusted, ocsp: 'require' });
    await succeed(target);
    const facts = await succeed(target);
    assert.equal(facts.reused, true);
    assert.equal(facts.ocsp, 'GOOD');
  });
}

test('a session is not resumed after the nextUpdate of the staple', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const soon = staple(leaf, { nextUpdate: new Date(Date.now() + 60_000) });
  const port = await listen(t, tlsUpstream([leaf], { staple: soon }));
  const target = targetAt(port, { trusted, ocsp: 'staple' });
  await succeed(target);
  assert.equal((await succeed(target)).reused, true);
  t.mock.timers.tick(61_000);
  const { error } = await attempt(target);
  assert.equal(error?.code, invalid);
});

test('the issuer of a chained certificate is the intermediate', async (t) => {
  const intermediate = await makeCa('OCSP intermediate', { issuer: root });
  const chained = await makeLeaf(intermediate);
  const of = { issuer: new X509Certificate(intermediate.pem), key: intermediate.keyPem };
  const server = tlsUpstream([chained, intermediate], { staple: staple(chained, of) });
  const facts = await succeed(targetAt(await listen(t, server), { trusted, ocsp: 'require' }));
  assert.equal(facts.ocsp, 'GOOD');
});
