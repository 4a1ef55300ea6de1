import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hopLines, listenLines } from './banner.ts';

const verified = { from: 'a.conf:4', to: 'https://a', encrypted: true, verified: true, note: '' };

test('verified, unverified and plain hops are counted, and the weaker ones named', () => {
  const unverified = { ...verified, from: 'a.conf:40', verified: false, note: 'migration' };
  const plain = { ...verified, from: 'a.conf:44', encrypted: false, verified: false };
  assert.deepEqual(hopLines([verified, verified, unverified, plain]), [
    {
      level: 'notice',
      text: '4 upstream hops: 2 verified, 1 not verified (a.conf:40), 1 without TLS (a.conf:44)',
    },
    { level: 'warn', text: 'a.conf:40: the hop to https://a is not verified (migration)' },
  ]);
});

test('a configuration without hops says nothing about them', () => {
  assert.deepEqual(hopLines([]), []);
});

test('a proxy that listens nowhere is worth a warning', () => {
  assert.equal(listenLines([])[0]?.level, 'warn');
});
