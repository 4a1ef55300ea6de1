import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGroup, type UpstreamGroup } from '../upstream/group.ts';
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
