import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGroup, type UpstreamGroup } from './group.ts';
import { Membership } from './membership.ts';
import { PeerZone } from './peer-zone.ts';
import { Cell, Peer } from './peer.ts';

function peerAt(number: number): Peer {
  const host = `10.0.${number >> 8}.${number & 255}`;
  return new Peer({ address: { kind: 'ip', host, port: 80 }, hostName: 'name.test' });
}

function groupOf(membership: Membership, memory: PeerZone | null = null): UpstreamGroup {
  return createGroup({ name: 'group', peers: [], membership, memory });
}

function members(): Membership {
  return new Membership({ definition: 'name.test', tls: [] }, null);
}

const bytes = 8 * 4096;

test('a group follows its members, and those that stay are the same', () => {
  const membership = members();
  const group = groupOf(membership);
  let left = 0;
  membership.onLeft = () => (left += 1);
  const [one, two, three] = [peerAt(1), peerAt(2), peerAt(3)];
  membership.set([one, two]);
  assert.deepEqual([group.peers, group.tries, left], [[one, two], 2, 0]);
  const { balancer } = group;
  membership.set([one, two]);
  assert.equal(group.balancer, balancer);
  membership.set([two, three]);
  assert.deepEqual([group.peers, left], [[two, three], 1]);
  assert.notEqual(group.balancer, balancer);
  assert.deepEqual([one.left, two.left], [true, false]);
});

test('a view that is taken away is left as it is', () => {
  const membership = members();
  const group = groupOf(membership);
  membership.removeView(group);
  membership.set([peerAt(1)]);
  assert.deepEqual(group.peers, []);
});

test('workers share what they know of members, however many have come and gone', () => {
  const buffer = PeerZone.create(bytes);
  const [first, second] = [1, 2].map((thread) => {
    const zone = new PeerZone(buffer, bytes, thread);
    const membership = members();
    const group = groupOf(membership, zone);
    return { membership, group };
  });
  assert.ok(first !== undefined && second !== undefined);
  for (let i = 0; i < 2000; i += 1) {
    first.membership.set([peerAt(i)]);
    second.membership.set([peerAt(i)]);
    const mine: Peer | undefined = first.group.peers[0];
    const other: Peer | undefined = second.group.peers[0];
    assert.equal(mine?.unhealthy, false, `server ${i}`);
    mine.unhealthy = true;
    assert.equal(other?.unhealthy, true, `server ${i}`);
  }
});

test('what still runs at a server that has left counts for nobody else', () => {
  const zone = new PeerZone(PeerZone.create(bytes), bytes, 1);
  const membership = members();
  groupOf(membership, zone);
  const gone = peerAt(0);
  membership.set([gone]);
  gone.take();
  membership.set([]);
  const others = Array.from({ length: zone.capacity }, (_, i) => peerAt(i + 1));
  membership.set(others);
  gone.release();
  assert.equal(gone.connections, 0);
  assert.deepEqual(new Set(others.map((peer) => peer.connections)), new Set([0]));
  assert.deepEqual(new Set(others.map((peer) => peer.read(Cell.holders))), new Set([1]));
});
