import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityProblem, readAlternativeNames } from './identity.ts';

const matching: readonly (readonly [wanted: string, list: string])[] = [
  ['a.test', 'DNS:a.test'],
  ['A.Test', 'DNS:a.TEST'],
  ['a.test.', 'DNS:a.test'],
  ['a.test', 'DNS:b.test, DNS:a.test'],
  ['x.a.test', 'DNS:*.a.test'],
  ['10.0.0.1', 'DNS:a.test, IP Address:10.0.0.1'],
  ['::1', 'IP Address:0:0:0:0:0:0:0:1'],
  ['under_score.a.test', 'DNS:under_score.a.test'],
];

const different: readonly (readonly [wanted: string, list: string | undefined])[] = [
  ['a.test', undefined],
  ['a.test', ''],
  ['a.test', 'URI:spiffe://a.test, email:a@a.test'],
  ['', 'DNS:a.test'],
  ['a.test', 'DNS:b.test'],
  ['a.test', 'DNS:*.a.test'],
  ['x.y.a.test', 'DNS:*.a.test'],
  ['foo.a.test', 'DNS:f*.a.test'],
  ['foo.a.test', 'DNS:*oo.a.test'],
  ['foo.a.test', 'DNS:foo.*.test'],
  ['a.test', 'DNS:*.test'],
  ['test', 'DNS:*'],
  ['*.a.test', 'DNS:*.a.test'],
  ['10.0.0.1', 'DNS:10.0.0.1'],
  ['10.0.0.1', 'DNS:*.0.0.1'],
  ['10.0.0.1', 'IP Address:10.0.0.2'],
  ['a.test', 'IP Address:10.0.0.1'],
  ['.a.test', 'DNS:*.a.test'],
  ['a.test', 'DNS:"b.test, DNS:a.test"'],
  ['a.test', String.raw`DNS:"x\", DNS:a.test"`],
  ['a.test', String.raw`DNS:"a.test\u0000.evil.test"`],
  ['a.test', 'othername:"DNS:a.test, DNS:a.test"'],
  ['a b.test', 'DNS:a b.test'],
];

for (const [wanted, list] of matching) {
  test(`"${wanted}" is one of ${list}`, () => {
    assert.equal(identityProblem(wanted, list), null);
  });
}

for (const [wanted, list] of different) {
  test(`"${wanted}" is none of ${list ?? 'no names'}`, () => {
    assert.notEqual(identityProblem(wanted, list), null);
  });
}

test('alternative names are told apart by kind', () => {
  assert.deepEqual(readAlternativeNames('DNS:a, IP Address:10.0.0.1, URI:spiffe://x, DNS:b'), {
    dns: ['a', 'b'],
    ip: ['10.0.0.1'],
    other: ['URI:spiffe://x'],
  });
});
