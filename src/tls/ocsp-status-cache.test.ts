import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OcspStatusCache } from './ocsp-status-cache.ts';

test('a status is known until its time is over', () => {
  const cache = new OcspStatusCache(10_000);
  cache.set('a', 'good', Date.now() + 60_000);
  cache.set('b', 'revoked', Date.now() - 1);
  assert.equal(cache.get('a'), 'good');
  assert.equal(cache.get('b'), undefined);
  assert.equal(cache.get('c'), undefined);
  assert.equal(cache.size, 1);
});

test('a full cache forgets what was not looked at for the longest time', () => {
  const cache = new OcspStatusCache(3 * 256);
  const until = Date.now() + 60_000;
  for (const key of ['a', 'b', 'c']) cache.set(key, 'good', until);
  cache.get('a');
  cache.set('d', 'good', until);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined),
    [true, false, true, true],
  );
});
