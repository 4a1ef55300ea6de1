import assert from 'node:assert/strict';
import { test } from 'node:test';
import { now } from '../base/clock.ts';
import { joinedKeeper, ServerSessionCache } from './server-session-cache.ts';

const later = (): number => now() + 60_000;

test('a session is given until it expires', () => {
  const cache = new ServerSessionCache({ sessions: 10, bytes: Infinity });
  cache.put('a', Buffer.from('session'), later());
  cache.put('b', Buffer.from('old'), now() - 1);
  assert.equal(cache.get('a')?.toString(), 'session');
  assert.equal(cache.get('b'), null);
  assert.equal(cache.get('c'), null);
  assert.equal(cache.size, 1);
});

test('the least recently used goes where room for a number of sessions is gone', () => {
  const cache = new ServerSessionCache({ sessions: 2, bytes: Infinity });
  for (const key of ['a', 'b']) cache.put(key, Buffer.from(key), later());
  cache.get('a');
  cache.put('c', Buffer.from('c'), later());
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => cache.get(key) !== null),
    [true, false, true],
  );
});

test('room in bytes is never exceeded, also where a session is put twice', () => {
  const cache = new ServerSessionCache({ sessions: Infinity, bytes: 5000 });
  for (let i = 0; i < 100; i += 1) {
    cache.put(`key ${i}`, Buffer.alloc(200), later());
    cache.put(`key ${i}`, Buffer.alloc(200), later());
  }
  assert.equal(cache.size, 10);
  assert.notEqual(cache.get('key 99'), null);
});

test('of two caches either may have it', () => {
  const caches = [1, 2].map(() => new ServerSessionCache({ sessions: 5, bytes: Infinity }));
  const both = joinedKeeper(caches);
  both?.put('a', Buffer.from('a'), later());
  caches[1]?.put('b', Buffer.from('b'), later());
  assert.equal(both?.get('a')?.toString(), 'a');
  assert.equal(both.get('b')?.toString(), 'b');
  assert.equal(caches[0]?.size, 1);
  assert.equal(joinedKeeper([]), null);
});
