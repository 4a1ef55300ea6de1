// What holds for every way of balancing, whatever it goes by: the shares of the weights, servers that
// must not be chosen, and failures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Tried, type BoundBalancer } from './balancer.ts';
import { balancerRows } from './balancers.ts';
import { keyOfRequest, peersOf, request } from './balancers.test-kit.ts';
import type { Peer } from './peer.ts';

interface Variant {
  readonly name: string;
  readonly words: readonly string[];
  /** With the others' equal: of two that are drawn the better one says nothing of the weights. */
  readonly weights: readonly number[];
}

const usual = [5, 3, 2];

/** Every row at least once. */
const variants: readonly Variant[] = [
  { name: 'round-robin', words: [], weights: usual },
  { name: 'least-conn', words: [], weights: usual },
  { name: 'ip-hash', words: [], weights: usual },
  { name: 'hash', words: [], weights: usual },
  // 160 points for each unit of the weight: the more there are, the closer are the shares.
  { name: 'hash', words: ['consistent'], weights: [50, 30, 20] },
  { name: 'random', words: [], weights: usual },
  { name: 'random', words: ['two'], weights: [1, 1, 1, 1] },
  { name: 'random', words: ['two', 'least_time=header'], weights: [1, 1, 1, 1] },
  { name: 'least-time', words: ['header'], weights: usual },
  { name: 'least-time', words: ['last_byte', 'inflight'], weights: usual },
];

class Clock {
  time = 1_000_000;
  readonly clock = (): number => this.time;
}

function make(
  { name, words }: Variant,
  peers: readonly Peer[],
  clock = new Clock(),
): BoundBalancer {
  const row = balancerRows.find((one) => one.name === name);
  assert.ok(row !== undefined, name);
  return row.create(peers, { words, key: row.keyed ? keyOfRequest : null, clock: clock.clock });
}

function nth(i: number): ReturnType<typeof request> {
  return request(`key ${i}`, `${10 + (i % 90)}.${(i >> 3) & 255}.${(i * 7) & 255}.${i & 255}`);
}

test('the variants name every way of balancing', () => {
  const named = new Set(variants.map(({ name }) => name));
  assert.deepEqual([...named].sort(), balancerRows.map(({ name }) => name).sort());
});

for (const variant of variants) {
  const title = [variant.name, ...variant.words].join(' ');

  test(`${title}: 100,000 picks are within 1 % of the weights`, () => {
    const peers = peersOf(...variant.weights.map((weight) => ({ weight })));
    const balancer = make(variant, peers);
    const picked = new Map<Peer, number>();
    const count = 100_000;
    // An idle group leaves least_time no choice but the heaviest server.
    const underWay: Peer[] = [];
    for (let i = 0; i < count; i += 1) {
      const peer = balancer.pick(nth(i), null);
      assert.ok(peer !== null);
      picked.set(peer, (picked.get(peer) ?? 0) + 1);
      underWay.push(peer);
      const first = underWay.length > 300 ? underWay.shift() : undefined;
      if (first !== undefined) balancer.report(first, 'ok');
    }
    const total = variant.weights.reduce((sum, weight) => sum + weight, 0);
    for (const peer of peers) {
      const share = (picked.get(peer) ?? 0) / count;
      assert.ok(Math.abs(share - peer.weight / total) < 0.01, `${peer.hostName}: ${share}`);
    }
  });

  test(`${title}: no server that is down, draining, full or tried is ever chosen`, () => {
    const server = fc.record({
      weight: fc.integer({ min: 1, max: 9 }),
      down: fc.boolean(),
      drain: fc.boolean(),
      maxConns: fc.integer({ min: 0, max: 2 }),
    });
    const list = fc.array(server, { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(list, fc.array(fc.nat(1000), { maxLength: 12 }), (options, keys) => {
        const peers = peersOf(...options);
        const balancer = make(variant, peers);
        for (const key of keys) {
          let tried: Tried | null = null;
          for (let turn = 0; turn <= peers.length; turn += 1) {
            const free = peers.some((one) => mayServe(one, tried));
            const full = peers.filter((one) => !mayServe(one, tried));
            const peer = balancer.pick(nth(key), tried);
            assert.equal(peer !== null, free);
            if (peer === null) break;
            assert.ok(!full.includes(peer));
            tried ??= new Tried();
            tried.add(peer);
            if (key % 3 === 0) balancer.report(peer, 'neutral');
          }
        }
      }),
    );
  });

  test(`${title}: a server that has failed max_fails times is left out until fail_timeout`, () => {
    const clock = new Clock();
    const peers = peersOf({ maxFails: 2 }, { maxFails: 2 }, { maxFails: 2 });
    const [dead] = peers;
    const balancer = make(variant, peers, clock);
    const picks = (): number => {
      let count = 0;
      for (let i = 0; i < 300; i += 1) {
        const peer = balancer.pick(nth(i), null);
        assert.ok(peer !== null);
        if (peer === dead) count += 1;
        balancer.report(peer, peer === dead ? 'failed' : 'ok');
      }
      return count;
    };
    assert.equal(picks(), 2);
    assert.equal(picks(), 0);
    clock.time += 10_000;
    assert.equal(picks(), 0);
    clock.time += 1;
    assert.equal(picks(), 1, 'one check');
    assert.ok(peers.every(({ connections }) => connections === 0));
  });

  test(`${title}: a request that is bound to a server gets it, also while that is draining`, () => {
    const peers = peersOf(
      { drain: true, route: 'd' },
      {},
      { route: 'r' },
      { down: true, route: 'x' },
    );
    const balancer = make(variant, peers);
    for (let i = 0; i < 20; i += 1) {
      for (const [hint, wanted] of [
        ['d', peers[0]],
        ['r', peers[2]],
      ] as const) {
        balancer.hint = hint;
        assert.equal(balancer.pick(nth(i), null), wanted);
        if (wanted !== undefined) balancer.report(wanted, 'ok');
      }
      for (const hint of ['x', 'unknown', null]) {
        balancer.hint = hint;
        const other = balancer.pick(nth(i), null);
        assert.ok(other === peers[1] || other === peers[2]);
        balancer.report(other, 'ok');
      }
    }
  });
}

test('the only server of a group, draining, serves what is bound to it alone', () => {
  for (const variant of variants) {
    const peers = peersOf({ drain: true, route: 'd' });
    const balancer = make(variant, peers);
    assert.equal(balancer.pick(nth(1), null), null);
    balancer.hint = 'd';
    assert.equal(balancer.pick(nth(1), null), peers[0]);
  }
});

function mayServe(peer: Peer, tried: Tried | null): boolean {
  const full = peer.maxConns > 0 && peer.connections >= peer.maxConns;
  return !peer.down && !peer.drain && !full && tried?.has(peer) !== true;
}

test('backups serve only while no other server can', () => {
  for (const variant of variants) {
    const row = balancerRows.find(({ name }) => name === variant.name);
    if (row?.backup !== true) continue;
    const peers = peersOf({ maxConns: 1 }, { maxConns: 1 }, { backup: true });
    const balancer = make(variant, peers);
    const picked = [0, 1, 2, 3].map((i) => balancer.pick(nth(i), null));
    assert.deepEqual(new Set(picked.slice(0, 2)), new Set(peers.slice(0, 2)), variant.name);
    assert.deepEqual(picked.slice(2), [peers[2], peers[2]]);
  }
});
