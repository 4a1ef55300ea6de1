import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionRecord } from './session-cache.ts';
import { UpstreamSessionCache, sessionLifetimeMs, sessionRecord } from './session-cache.ts';
import { readPeerFacts } from './upstream-facts.ts';

const forever = Number.POSITIVE_INFINITY;

function record(expiry = forever): SessionRecord {
  return sessionRecord(readPeerFacts(null, { verify: 'SUCCESS', ocsp: '', validUntil: expiry }));
}

function offered(cache: UpstreamSessionCache, key: string): string | null {
  return cache.take(key)?.session.toString() ?? null;
}

test('the newest session goes first and the last one is offered again', () => {
  const cache = new UpstreamSessionCache();
  const one = record();
  cache.store('k', Buffer.from('a'), one);
  cache.store('k', Buffer.from('b'), one);
  assert.deepEqual(
    [offered(cache, 'k'), offered(cache, 'k'), offered(cache, 'k')],
    ['b', 'a', 'a'],
  );
});

test('the least recently used target goes when the cache is full', () => {
  const cache = new UpstreamSessionCache({ targets: 2 });
  for (const key of ['a', 'b']) cache.store(key, Buffer.from(key), record());
  cache.take('a');
  cache.store('c', Buffer.from('c'), record());
  assert.deepEqual(
    [offered(cache, 'a'), offered(cache, 'b'), offered(cache, 'c')],
    ['a', null, 'c'],
  );
});

test('only so many sessions are kept for one target, and none that is huge', () => {
  const cache = new UpstreamSessionCache({ sessionsEach: 2 });
  const one = record();
  for (const text of ['a', 'b', 'c']) cache.store('k', Buffer.from(text), one);
  cache.store('k', Buffer.alloc(70_000), one);
  assert.deepEqual(one.sessions.map(String), ['b', 'c']);
});

test('a record expires with its path, and after a fixed time at the latest', () => {
  const cache = new UpstreamSessionCache();
  cache.store('k', Buffer.from('a'), record(Date.now() - 60_000));
  assert.equal(cache.size, 0);
  const one = record();
  assert.equal(one.expiresAt, one.verifiedAt + sessionLifetimeMs);
  cache.store('k', Buffer.from('a'), one);
  one.expiresAt = Date.now() - 60_000;
  assert.equal(cache.take('k'), null);
  assert.equal(cache.size, 0);
});

test('a dropped record takes no more sessions', () => {
  const cache = new UpstreamSessionCache();
  const one = record();
  cache.store('k', Buffer.from('a'), one);
  cache.drop('k');
  cache.store('k', Buffer.from('b'), one);
  assert.equal(cache.take('k'), null);
});

test('a late session of an older handshake does not replace a newer one', () => {
  const cache = new UpstreamSessionCache();
  const older = { ...record(), verifiedAt: 1 };
  cache.store('k', Buffer.from('new'), record());
  cache.store('k', Buffer.from('old'), older);
  assert.equal(offered(cache, 'k'), 'new');
});

test('policies that are gone lose their sessions, policies that are not named keep theirs', () => {
  const cache = new UpstreamSessionCache();
  for (const key of ['a\0x', 'a\0y', 'ab\0x']) cache.store(key, Buffer.from(key), record());
  const gone = cache.take('a\0x');
  cache.dropPolicies(new Set(['a', 'c']));
  assert.deepEqual(
    [offered(cache, 'a\0x'), offered(cache, 'a\0y'), offered(cache, 'ab\0x')],
    [null, null, 'ab\0x'],
  );
  // A connection that is being resumed on it must not count as verified.
  assert.equal(gone?.record.expiresAt, 0);
});
