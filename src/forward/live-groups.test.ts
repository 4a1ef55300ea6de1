import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nobody, peersOf } from '../upstream/balancers.test-kit.ts';
import { createGroup, type UpstreamGroup } from '../upstream/group.ts';
import { hash } from '../upstream/hash.ts';
import { Peer } from '../upstream/peer.ts';
import { connected, Origin } from '../upstream/sockets.test-kit.ts';
import { LiveGroups } from './live-groups.ts';

function group(name: string, weight = 1): UpstreamGroup {
  const address = { kind: 'ip', host: '127.0.0.1', port: 80 } as const;
  return createGroup({ name, peers: [new Peer({ address, hostName: 'a.test', weight })] });
}

test('a group that is defined as before is the same one, with the state of its peers', () => {
  const groups = new LiveGroups();
  const first = groups.acquire(group('g'));
  const second = groups.acquire(group('g'));
  assert.equal(second, first);
  assert.notEqual(groups.acquire(group('h')), first);
  assert.notEqual(groups.acquire(group('g', 2)), first);
});

test('its connections stay until its last snapshot is gone', async () => {
  const origin = await Origin.start();
  const groups = new LiveGroups();
  const old = groups.acquire(group('g'));
  const fresh = groups.acquire(group('g'));
  const connection = await connected(origin.target());
  old.pool.put(connection);
  groups.release(old);
  assert.equal(connection.closed, false);
  groups.release(fresh);
  assert.equal(connection.closed, true);
  assert.notEqual(groups.acquire(group('g')), old);
  await origin.stop();
});

test('policies that are gone are gone in every group, those to come included', async () => {
  const origin = await Origin.start();
  const groups = new LiveGroups();
  const before = groups.acquire(group('g'));
  const idle = await connected(origin.target('a', 'old'));
  before.pool.put(idle);
  groups.retain(new Set(['new']));
  assert.equal(idle.closed, true);
  for (const live of [groups.acquire(group('later')), groups.addAddress('::1', group('::1'))]) {
    const late = await connected(origin.target('a', 'old'));
    live.pool.put(late);
    assert.equal(late.closed, true);
  }
  await origin.stop();
});

test('groups of addresses are kept by address, and only so many', () => {
  const groups = new LiveGroups();
  const first = groups.addAddress('0', group('0'));
  assert.equal(groups.ofAddress('0'), first);
  for (let i = 1; i <= 1024; i += 1) groups.addAddress(String(i), group(String(i)));
  assert.equal(groups.ofAddress('0'), null);
  assert.notEqual(groups.ofAddress('1024'), null);
});

test('a method that evaluates variables goes by those of its own configuration', () => {
  const keyed = (word: string): UpstreamGroup =>
    createGroup({
      name: 'g',
      peers: peersOf({}, {}, {}),
      balancer: hash,
      // The same text in both configurations, but not the same variable.
      key: { source: '$key', constant: null, evaluate: () => word },
    });
  const groups = new LiveGroups();
  const old = groups.acquire(keyed('one'));
  const fresh = groups.acquire(keyed('two'));
  assert.equal(fresh.pool, old.pool);
  assert.equal(fresh.group.peers, old.group.peers);
  const before = old.group.balancer.pick(nobody, null);
  const after = fresh.group.balancer.pick(nobody, null);
  assert.ok(before !== null && after !== null);
  assert.notEqual(after, before);
  assert.equal(old.group.balancer.pick(nobody, null), before);
  fresh.group.balancer.report(before, 'failed');
  assert.notEqual(
    old.group.balancer.pick(nobody, null),
    before,
    'what is known of a peer is shared',
  );
  groups.release(old);
  groups.release(fresh);
  assert.notEqual(groups.acquire(keyed('one')).pool, old.pool);
});
