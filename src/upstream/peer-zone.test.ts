// Memory that workers share: their numbers are one, exact while all of them work at once, and what a
// worker held is given back when it has died.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { nobody, peersOf } from './balancers.test-kit.ts';
import { PeerZone, zoneCapacity } from './peer-zone.ts';
import type { ZoneSeen, ZoneWork } from './peer-zone.test-kit.ts';
import { Cell, type Peer } from './peer.ts';
import { RoundRobin } from './round-robin.ts';
import { ZonedBalancer } from './zoned.ts';

const bytes = 32 * 1024;

async function run(work: ZoneWork): Promise<ZoneSeen> {
  const worker = new Worker(new URL('peer-zone.test-kit.ts', import.meta.url), {
    workerData: work,
  });
  const [seen] = (await once(worker, 'message')) as [ZoneSeen];
  await worker.terminate();
  return seen;
}

/** A group of a worker, and its balancer. */
function group(
  buffer: SharedArrayBuffer,
  thread: number,
  options: Parameters<typeof peersOf>,
): { zone: PeerZone; peers: Peer[]; balancer: ZonedBalancer } {
  const zone = new PeerZone(buffer, bytes, thread);
  const peers = peersOf(...options);
  for (const peer of peers) assert.ok(zone.adopt(peer, peer.name));
  return { zone, peers, balancer: new ZonedBalancer(new RoundRobin(peers), zone) };
}

test('under load from two threads max_conns is never passed, and nothing is lost', async () => {
  const buffer = PeerZone.create(bytes);
  const work = { buffer, bytes, rounds: 100_000, maxConns: 3, open: 5, dies: false };
  const seen = await Promise.all([run({ ...work, thread: 1 }), run({ ...work, thread: 2 })]);
  for (const { picks, most } of seen) {
    assert.ok(picks > 0);
    assert.ok(most <= 3, `${most}`);
  }
  const { peers } = group(buffer, 3, [{ maxConns: 3 }, { maxConns: 3 }]);
  assert.deepEqual(
    peers.map(({ connections }) => connections),
    [0, 0],
  );
});

test('what a worker that died had under way is given back, and its lock freed', async () => {
  const buffer = PeerZone.create(bytes);
  const work = { buffer, bytes, rounds: 3, maxConns: 2, open: 9, dies: true };
  const { balancer, peers, zone } = group(buffer, 2, [{ maxConns: 2 }, { maxConns: 2 }]);
  const own = balancer.pick(nobody, null);
  assert.deepEqual(await run({ ...work, thread: 1 }), { picks: 3, refused: 0, most: 2 });
  new PeerZone(buffer, bytes, 0).forget(1);
  assert.equal(
    peers.reduce((sum, peer) => sum + peer.connections, 0),
    1,
  );
  assert.equal(own?.connections, 1);
  zone.lock();
  zone.unlock();
});

test('failures and weights of one worker count for the other', () => {
  const buffer = PeerZone.create(bytes);
  const one = group(buffer, 1, [{ maxFails: 2, weight: 10 }, {}]);
  const other = group(buffer, 2, [{ maxFails: 2, weight: 10 }, {}]);
  for (const { balancer, peers } of [one, other]) {
    const peer = balancer.pick(nobody, null);
    assert.equal(peer, peers[0]);
    assert.ok(peer !== null);
    balancer.report(peer, 'failed');
  }
  assert.equal(one.peers[0]?.fails, 2);
  assert.equal(one.peers[0]?.effectiveWeight, 1);
  for (const { balancer, peers } of [one, other, one, other]) {
    assert.equal(balancer.pick(nobody, null), peers[1]);
  }
  assert.equal(other.peers[1]?.connections, 4);
});

test('two workers together share the requests by the weights', () => {
  const buffer = PeerZone.create(bytes);
  const workers = [
    group(buffer, 1, [{ weight: 5 }, {}, {}]),
    group(buffer, 2, [{ weight: 5 }, {}, {}]),
  ];
  let names = '';
  for (let i = 0; i < 14; i += 1) {
    const { balancer } = workers[i % 2] ?? assert.fail();
    const peer = balancer.pick(nobody, null);
    names += peer?.hostName ?? '-';
    if (peer !== null) balancer.report(peer, 'ok');
  }
  assert.equal(names, 'aabacaaaabacaa');
});

test('a peer that has no room goes on with numbers of its own', () => {
  const zone = new PeerZone(PeerZone.create(1024), 1024, 1);
  assert.equal(zone.capacity, zoneCapacity(1024));
  const peers = peersOf(...Array.from({ length: zone.capacity + 1 }, () => ({ weight: 7 })));
  const adopted = peers.map((peer) => zone.adopt(peer, peer.name));
  assert.equal(adopted.filter(Boolean).length, zone.capacity);
  for (const peer of peers) assert.equal(peer.effectiveWeight, 7);
  peers.at(-1)?.write(Cell.fails, 3);
  assert.ok(peers.slice(0, -1).every(({ fails }) => fails === 0));
});
