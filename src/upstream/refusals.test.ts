import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Peer, type PeerOptions } from './peer.ts';
import { RefusalBook } from './refusals.ts';

function peer(port: number, options: Partial<PeerOptions> = {}): Peer {
  return new Peer({
    address: { kind: 'ip', host: '127.0.0.1', port },
    hostName: 'a.test',
    failTimeout: 1000,
    ...options,
  });
}

function excludes(book: RefusalBook, peers: readonly Peer[], time: number): boolean[] {
  const tried = book.excluded(peers, time);
  return peers.map((one) => tried?.has(one) === true);
}

test('a book in which nobody stands excludes nobody', () => {
  const book = new RefusalBook();
  assert.equal(book.empty, true);
  assert.equal(book.excluded([peer(1), peer(2)], 0), null);
});

test('a refused server is left out for its fail_timeout, and then let through once', () => {
  const book = new RefusalBook();
  const peers = [peer(1), peer(2)];
  const [bad] = peers as [Peer, Peer];
  book.refuse(bad, 5000);
  assert.equal(book.empty, false);
  assert.deepEqual(excludes(book, peers, 5000), [true, false]);
  assert.deepEqual(excludes(book, peers, 6000), [true, false]);
  assert.deepEqual(excludes(book, peers, 6001), [false, false]);
  book.noteChosen(bad, 6001);
  assert.deepEqual(excludes(book, peers, 6002), [true, false], 'while the check is under way');
});

test('a server that is accepted at its check is forgotten', () => {
  const book = new RefusalBook();
  const peers = [peer(1), peer(2)];
  const [bad] = peers as [Peer, Peer];
  book.refuse(bad, 5000);
  book.accept(bad);
  assert.deepEqual(excludes(book, peers, 5001), [true, false], 'an answer that was on its way');
  book.noteChosen(bad, 7000);
  book.accept(bad);
  assert.equal(book.empty, true);
});

test('max_fails counts, and 0 never leaves a server out', () => {
  const book = new RefusalBook();
  const peers = [peer(1, { maxFails: 2 }), peer(2, { maxFails: 0 })];
  for (const one of peers) book.refuse(one, 5000);
  assert.deepEqual(excludes(book, peers, 5000), [false, false]);
  for (const one of peers) book.refuse(one, 5001);
  assert.deepEqual(excludes(book, peers, 5001), [true, false]);
});

test('the only server of a group is asked in any case', () => {
  const book = new RefusalBook();
  const only = peer(1);
  book.refuse(only, 5000);
  assert.equal(book.excluded([only], 5000), null);
});

test('the book does not grow without a bound', () => {
  const book = new RefusalBook();
  const first = peer(1);
  book.refuse(first, 5000);
  for (let i = 0; i < 1024; i += 1) book.refuse(peer(2), 5000);
  assert.deepEqual(excludes(book, [first, peer(3)], 5000), [false, false]);
});
