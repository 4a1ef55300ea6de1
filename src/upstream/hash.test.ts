// Keys and clients stay where they are: consistent hashing when a server leaves, ip_hash by network.
// That the choice is nginx's is shown beside nginx (test/balancing-choices.test.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash } from './hash.ts';
import { ipHash } from './ip-hash.ts';
import { keyOfRequest, nobody, peersOf, request } from './balancers.test-kit.ts';
import { Tried } from './balancer.ts';
import type { Peer } from './peer.ts';

const args = { words: ['consistent'], key: keyOfRequest };

function owners(peers: readonly Peer[], count: number): (string | undefined)[] {
  const balancer = hash.create(peers, args);
  return Array.from({ length: count }, (_, i) => {
    const peer = balancer.pick(request(`object ${i}`), null);
    if (peer !== null) balancer.report(peer, 'ok');
    return peer?.name;
  });
}

for (const count of [2, 3, 4, 8, 16]) {
  // With 160 points for a server shares differ by more, in nginx too; a weight of 10 evens them out.
  test(`when one of ${count} servers leaves, only its keys move, no more than 1/n + 2 %`, () => {
    const all = peersOf(...Array.from({ length: count }, () => ({ weight: 10 })));
    const before = owners(all, 20_000);
    for (const gone of all) {
      const after = owners(
        all.filter((peer) => peer !== gone),
        20_000,
      );
      const moved = before.filter((name, i) => name !== after[i]);
      assert.ok(moved.every((name) => name === gone.name));
      assert.ok(moved.length / before.length <= 1 / count + 0.02, `${moved.length}`);
    }
  });
}

test('a server that is down keeps its points: its keys go to those that come next', () => {
  const all = peersOf({}, {}, {});
  const down = peersOf({}, { down: true }, {});
  const before = owners(all, 2_000);
  const after = owners(down, 2_000);
  before.forEach((name, i) => {
    if (name !== all[1]?.name) assert.equal(after[i], name);
    else assert.notEqual(after[i], name);
  });
});

test('the addresses of one server line share its keys by round robin', () => {
  const [first, second, other] = peersOf(
    { server: 'a:80' },
    { server: 'a:80' },
    { server: 'b:80' },
  );
  assert.ok(first !== undefined && second !== undefined && other !== undefined);
  const balancer = hash.create([first, second, other], args);
  const of = (key: string): Set<Peer | null> =>
    new Set([1, 2, 3, 4].map(() => balancer.pick(request(key), null)));
  const sets = Array.from({ length: 50 }, (_, i) => of(`key ${i}`));
  for (const set of sets) assert.ok(set.has(other) ? set.size === 1 : set.size === 2);
  assert.ok(sets.some((set) => set.has(other)) && sets.some((set) => set.has(first)));
});

test('ip_hash: a network of 256 IPv4 addresses stays together, IPv6 addresses do not', () => {
  const balancer = ipHash.create(peersOf({}, {}, {}), { words: [], key: null });
  const of = (address: string): string | undefined =>
    balancer.pick(request('', address), null)?.name;
  const v4 = new Set(Array.from({ length: 256 }, (_, i) => of(`192.0.2.${i}`)));
  assert.equal(v4.size, 1);
  assert.equal(new Set(Array.from({ length: 64 }, (_, i) => of(`192.0.${i}.1`))).size, 3);
  assert.equal(new Set(Array.from({ length: 64 }, (_, i) => of(`2001:db8::${i}`))).size, 3);
  assert.equal(of('unix:'), of('0.0.0.0'), 'as nginx takes clients without an address');
});

test('the next choice for a key is another server each time, until all were tried', () => {
  for (const words of [[], ['consistent']]) {
    const peers = peersOf({}, {}, {}, {});
    const balancer = hash.create(peers, { words, key: keyOfRequest });
    for (let i = 0; i < 200; i += 1) {
      const tried = new Tried();
      for (const peer of peers) {
        const picked = balancer.pick(request(`key ${i}`), tried);
        assert.ok(picked !== null && !tried.has(picked), peer.name);
        tried.add(picked);
      }
      assert.equal(balancer.pick(request(`key ${i}`), tried), null);
    }
  }
});

test('a group without servers has no choice', () => {
  assert.equal(hash.create([], args).pick(nobody, null), null);
});
