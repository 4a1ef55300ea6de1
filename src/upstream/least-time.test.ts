// `least_time` by a clock of its own: slow servers get less, requests that wait count, idle ones get
// another chance.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpstreamTry } from '../exchange/upstream-try.ts';
import { nobody, peersOf } from './balancers.test-kit.ts';
import { LeastTime } from './least-time.ts';
import { Cell, type Peer } from './peer.ts';

class Bench {
  time = 1_000_000;
  readonly peers: Peer[] = peersOf({}, {}, {});
  readonly balancer: LeastTime;

  constructor(...words: string[]) {
    this.balancer = new LeastTime(this.peers, { words, key: null, clock: () => this.time });
  }

  begin(): { peer: Peer; attempt: UpstreamTry } {
    const peer = this.balancer.pick(nobody, null);
    assert.ok(peer !== null);
    return { peer, attempt: new UpstreamTry(peer.name, this.time) };
  }

  /** The head is there; then, `bodyMs` later, all of it. */
  end({ peer, attempt }: { peer: Peer; attempt: UpstreamTry }, bodyMs = 0): void {
    attempt.headerTime = this.time - attempt.startedAt;
    attempt.accepted = true;
    this.balancer.watcher.onHead(nobody, peer, attempt);
    this.time += bodyMs;
    this.balancer.report(peer, 'ok');
    this.balancer.watcher.onEnd(nobody, peer, { attempt, outcome: 'ok' });
  }

  /** Where ten requests go, one after the other, that take as long as given by the peer's place. */
  ten(headMs: readonly number[], bodyMs: readonly number[]): string {
    let names = '';
    for (let i = 0; i < 10; i += 1) {
      const request = this.begin();
      const at = this.peers.indexOf(request.peer);
      names += request.peer.hostName;
      this.time += headMs[at] ?? 0;
      this.end(request, bodyMs[at]);
    }
    return names;
  }
}

test('the server that answers fastest gets the requests; like times are shared', () => {
  assert.match(new Bench('header').ten([300, 30, 200], [0, 0, 0]), /^abcb{7}$/);
  assert.match(new Bench('header').ten([30, 300, 31], [0, 0, 0]), /^abc[ac]{7}$/);
});

test('"header" goes by the head alone, "last_byte" by the whole response', () => {
  const head = [10, 100, 200];
  const body = [900, 10, 10];
  assert.match(new Bench('header').ten(head, body), /^abca{7}$/);
  assert.match(new Bench('last_byte').ten(head, body), /^abcb{7}$/);
});

test('a failure is not taken for a fast answer', () => {
  const bench = new Bench('header');
  bench.ten([300, 300, 300], [0, 0, 0]);
  const times = bench.peers.map((peer) => peer.read(Cell.headerTime));
  const { peer, attempt } = bench.begin();
  bench.time += 1;
  bench.balancer.report(peer, 'failed');
  bench.balancer.watcher.onEnd(nobody, peer, { attempt, outcome: 'failed' });
  assert.deepEqual(
    bench.peers.map((one) => one.read(Cell.headerTime)),
    times,
  );
});

test('requests under way make a server slower than its time', () => {
  const bench = new Bench('header');
  bench.ten([100, 130, 130], [0, 0, 0]);
  const waiting = [bench.begin(), bench.begin(), bench.begin()];
  assert.deepEqual(new Set(waiting.map(({ peer }) => peer)).size, 3);
});

test('with "inflight" a server that no longer answers is left alone before it has failed', () => {
  for (const words of [['header'], ['header', 'inflight']]) {
    const bench = new Bench(...words);
    bench.ten([20, 60, 60], [0, 0, 0]);
    const stuck = bench.begin();
    assert.equal(stuck.peer.hostName, 'a');
    const picked: string[] = [];
    for (let i = 0; i < 40; i += 1) {
      bench.time += 1000;
      const request = bench.begin();
      picked.push(request.peer.hostName);
      bench.time += request.peer === stuck.peer ? 20 : 60;
      bench.end(request);
    }
    assert.equal(picked.slice(-10).includes('a'), words.length === 1, words.join(' '));
    bench.end(stuck);
    for (const peer of bench.peers) {
      assert.equal(peer.read(Cell.inflight), 0);
      assert.equal(peer.read(Cell.inflightSum), 0);
      assert.equal(peer.connections, 0);
    }
  }
});

test('what is known of a slow server fades while it is not asked', () => {
  const bench = new Bench('header');
  assert.match(bench.ten([300, 30, 30], [0, 0, 0]), /^abc[bc]{7}$/);
  bench.time += 60_000;
  assert.match(bench.ten([30, 30, 30], [0, 0, 0]), /a/);
});
