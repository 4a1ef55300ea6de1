// Which idle connections are handed out, kept and closed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import type { UpstreamConnection } from './connection.ts';
import { defaultKeepalive, type KeepaliveSettings } from './group.ts';
import { ConnectionPool } from './pool.ts';
import { Origin, Recorder, connected } from './sockets.test-kit.ts';

function poolWith(settings: Partial<KeepaliveSettings> = {}): ConnectionPool {
  return new ConnectionPool({ ...defaultKeepalive, ...settings });
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

/** Waits until the pool has closed everything. */
async function untilEmpty(pool: ConnectionPool): Promise<void> {
  while (pool.idle > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('the newest idle connection of the same identity is handed out first', async () => {
  const origin = await Origin.start();
  const pool = poolWith();
  const target = origin.target();
  const first = await connected(target);
  const second = await connected(target);
  pool.put(first);
  pool.put(second);
  assert.equal(pool.idle, 2);
  assert.equal(pool.take(target.key), second);
  assert.equal(second.reused, true);
  assert.equal(second.requests, 2);
  assert.equal(pool.take(target.key), first);
  assert.equal(pool.take(target.key), null);
  first.destroy();
  second.destroy();
  await origin.stop();
});

test('a connection whose certificate has expired is closed instead of handed out', async () => {
  const origin = await Origin.start();
  const pool = poolWith();
  const target = origin.target();
  const lasting = await connected(target);
  const expired = await connected(target);
  assert.equal(lasting.validUntil, Infinity);
  pool.put(lasting);
  pool.put(expired);
  expired.validUntil = Date.now() - 1;
  assert.equal(pool.take(target.key), lasting);
  assert.equal(expired.closed, true);
  assert.equal(pool.idle, 0);
  lasting.validUntil = Date.now() - 1;
  pool.put(lasting);
  assert.equal(pool.take(target.key), null);
  await origin.stop();
});

test('a connection is never handed out under another identity', async () => {
  const origin = await Origin.start();
  const keys = ['a', 'b', 'c', 'd'].map((name) => origin.target(name));
  const steps = fc.array(fc.record({ key: fc.nat(3), put: fc.boolean() }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 3, max: 12 }), async (plan, connections) => {
      const pool = poolWith({ connections });
      const all: UpstreamConnection[] = [];
      const inUse: UpstreamConnection[] = [];
      for (const step of plan) {
        const target = keys[step.key];
        assert.ok(target !== undefined);
        if (step.put) {
          const connection = inUse.pop() ?? (await connected(target));
          all.push(connection);
          pool.put(connection);
        } else {
          const connection = pool.take(target.key);
          if (connection === null) continue;
          assert.equal(connection.key, target.key);
          assert.equal(connection.closed, false);
          connection.user = new Recorder();
          inUse.push(connection);
        }
      }
      while (pool.idle > connections) await new Promise((resolve) => setTimeout(resolve, 5));
      pool.closeAll();
      assert.equal(pool.idle, 0);
      for (const connection of all) connection.destroy();
    }),
    { numRuns: 40 },
  );
  await origin.stop();
});

test('of too many, the least recently used connection is closed a little later', async () => {
  const origin = await Origin.start();
  const pool = poolWith({ connections: 2 });
  const old = await connected(origin.target('a'));
  const middle = await connected(origin.target('b'));
  const young = await connected(origin.target('c'));
  for (const connection of [old, middle, young]) pool.put(connection);
  assert.equal(pool.idle, 3);
  while (!old.closed) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(pool.idle, 2);
  assert.equal(pool.take(old.key), null);
  assert.equal(pool.take(middle.key), middle);
  assert.equal(pool.take(young.key), young);
  middle.destroy();
  young.destroy();
  await origin.stop();
});

test('a connection that has served its number of requests is closed', async () => {
  const origin = await Origin.start();
  const pool = poolWith({ requests: 2 });
  const target = origin.target();
  const connection = await connected(target);
  pool.put(connection);
  assert.equal(pool.take(target.key), connection);
  pool.put(connection);
  assert.equal(connection.closed, true);
  assert.equal(pool.idle, 0);
  await origin.stop();
});

test('nothing is kept where keepalive is off, or the connection is too old', async () => {
  const origin = await Origin.start();
  for (const settings of [{ connections: 0 }, { timeMs: -1 }, { timeoutMs: 0 }]) {
    const pool = poolWith(settings);
    const connection = await connected(origin.target());
    pool.put(connection);
    assert.equal(pool.idle, 0);
    assert.equal(connection.closed, true);
  }
  await origin.stop();
});

test('an idle connection is closed after its timeout', async () => {
  const origin = await Origin.start();
  const pool = poolWith({ timeoutMs: 1 });
  const connection = await connected(origin.target());
  const socket = origin.sockets[0];
  assert.ok(socket !== undefined);
  socket.resume();
  const closed = once(socket, 'close');
  pool.put(connection);
  assert.equal(pool.idle, 1);
  await closed;
  assert.equal(pool.idle, 0);
  assert.equal(connection.closed, true);
  await origin.stop();
});

test('a byte, an end or a reset closes an idle connection', async () => {
  const events = ['write', 'end', 'resetAndDestroy'] as const;
  for (const event of events) {
    const origin = await Origin.start();
    const pool = poolWith();
    const connection = await connected(origin.target());
    pool.put(connection);
    const socket = origin.sockets[0];
    if (event === 'write') socket?.write('HTTP/1.1 200 OK\r\n\r\n');
    else socket?.[event]();
    await untilEmpty(pool);
    assert.equal(connection.closed, true);
    assert.equal(pool.take(connection.key), null);
    await origin.stop();
  }
});

test('bytes after a response reach no later request', async () => {
  const origin = await Origin.start((socket) => {
    socket.on('data', () => socket.write('answer'));
  });
  const pool = poolWith();
  const user = new Recorder();
  const connection = await connected(origin.target(), user);
  const answered = user.next('data');
  connection.write('request');
  await answered;
  pool.put(connection);
  origin.sockets[0]?.write('smuggled');
  await untilEmpty(pool);
  assert.equal(user.text, 'answer');
  assert.equal(pool.take(connection.key), null);
  await origin.stop();
});

test('put within onData makes a connection idle that was to be paused', async () => {
  const origin = await Origin.start((socket) => {
    socket.on('data', () => socket.write('answer'));
  });
  const pool = poolWith();
  const user = new Recorder();
  const connection = await connected(origin.target(), user);
  user.onRead = () => {
    pool.put(connection);
    return false;
  };
  const answered = user.next('data');
  connection.write('request');
  await answered;
  assert.equal(pool.take(connection.key), connection);
  const second = new Recorder();
  connection.user = second;
  const again = second.next('data');
  connection.write('request');
  await again;
  assert.equal(second.text, 'answer');
  connection.destroy();
  await origin.stop();
});

test('a paused connection that is put reads again, so that its end is noticed', async () => {
  const origin = await Origin.start();
  const pool = poolWith();
  const connection = await connected(origin.target());
  connection.pause();
  pool.put(connection);
  await turns(2);
  origin.sockets[0]?.end();
  await untilEmpty(pool);
  assert.equal(connection.closed, true);
  await origin.stop();
});

test('a connection with an unsent rest of a request is closed, not kept', async () => {
  const origin = await Origin.start((socket) => socket.pause());
  const pool = poolWith();
  const connection = await connected(origin.target());
  while (connection.write(Buffer.alloc(1024 * 1024)));
  pool.put(connection);
  assert.equal(connection.closed, true);
  assert.equal(pool.idle, 0);
  await origin.stop();
});

test('closeAll closes the idle ones and every one that comes back later', async () => {
  const origin = await Origin.start();
  const pool = poolWith();
  const idle = await connected(origin.target());
  const busy = await connected(origin.target());
  pool.put(idle);
  pool.closeAll();
  assert.equal(idle.closed, true);
  assert.equal(busy.closed, false);
  pool.put(busy);
  assert.equal(busy.closed, true);
  assert.equal(pool.idle, 0);
  await origin.stop();
});

test('a connection put twice is closed rather than shared', async () => {
  const origin = await Origin.start();
  const pool = poolWith();
  const connection = await connected(origin.target());
  pool.put(connection);
  pool.put(connection);
  assert.equal(pool.idle, 0);
  assert.equal(connection.closed, true);
  assert.equal(pool.take(connection.key), null);
  await origin.stop();
});

test('only connections of the policies in force are kept, and plain ones', async () => {
  const origin = await Origin.start();
  const pool = poolWith();
  const plain = await connected(origin.target());
  const stays = await connected(origin.target('stays', 'new'));
  const goes = await connected(origin.target('goes', 'old'));
  const busy = await connected(origin.target('goes', 'old'));
  for (const connection of [plain, goes, stays]) pool.put(connection);
  pool.retain(new Set(['new']));
  assert.deepEqual(
    [plain.closed, stays.closed, goes.closed, busy.closed],
    [false, false, true, false],
  );
  assert.equal(pool.take(goes.key), null);
  pool.put(busy);
  assert.equal(busy.closed, true);
  assert.equal(pool.idle, 2);
  assert.equal(pool.take(stays.key), stays);
  pool.put(stays);
  assert.equal(stays.closed, false);
  pool.closeAll();
  await origin.stop();
});
