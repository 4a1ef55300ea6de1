// A new version on trial: USR2 starts it, WINCH lets the workers of the old one go, and then either
// HUP brings them back with the configuration that they had, or the new one ends and they come by
// themselves. No request fails. In the foreground WINCH is only a window that has changed its size.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { request } from './kit/raw-client.ts';
import { alive, limitMs, pidIn, replace, startReplaceable, tls } from './kit/replaceable.ts';
import type { Replaceable } from './kit/replaceable.ts';
import type { Scope } from './kit/scope.ts';
import { SteadyLoad } from './kit/steady-load.ts';

function steadyLoad({ port, tlsPort, socketPath }: Replaceable, scope: Scope): SteadyLoad {
  return SteadyLoad.start(
    [
      { kind: 'new', target: { port }, clients: 2 },
      { kind: 'new', target: { port: tlsPort, tls } },
      { kind: 'new', target: { socketPath } },
      { kind: 'kept', target: { port }, clients: 2 },
      { kind: 'kept', target: { port: tlsPort, tls } },
      { kind: 'upload', target: { port } },
    ],
    scope,
  );
}

/** The numbers of workers in the configurations of those that answer. */
async function answering({ port }: Replaceable): Promise<string> {
  return (await request({ port, path: '/workers' })).body.toString();
}

function workerThreads(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** Sends WINCH and waits until there are fewer threads. */
async function dismiss({ errorLog }: Replaceable, pid: number): Promise<void> {
  const before = workerThreads(pid);
  const count = errorLog().split('the workers are let go').length;
  process.kill(pid, 'SIGWINCH');
  const said = (): boolean => errorLog().split('the workers are let go').length > count;
  await eventually('the line', said, limitMs);
  await eventually('the end of the workers', () => workerThreads(pid) <= before - 2, limitMs);
}

async function back({ errorLog }: Replaceable): Promise<void> {
  await eventually('the workers', () => errorLog().includes('the workers are back'), limitMs);
}

test(
  'an upgrade is rolled back under load and no request fails',
  { timeout: 180_000 },
  async (t) => {
    const set = await startReplaceable(t, { daemon: true });
    const { folder, pid: old } = set;
    const load = steadyLoad(set, t);
    await eventually('the load', () => load.total > 20, limitMs);
    set.configure(3);
    const fresh = await replace(set, old);
    await load.goesOn();
    await dismiss(set, old);
    await load.goesOn();
    assert.equal(await answering(set), '3');
    // What the old one would refuse is not read.
    set.configure(2, 'nonsense on;');
    process.kill(old, 'SIGHUP');
    await back(set);
    await load.goesOn();
    process.kill(fresh, 'SIGQUIT');
    await eventually('the end of the new', () => !alive(fresh), limitMs);
    await load.goesOn();
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal(await answering(set), '2');
    await eventually('its pid file', () => pidIn(join(folder, 'sallyport.pid')) === old, limitMs);
    assert.equal(existsSync(join(folder, 'sallyport.pid.oldbin')), false);
    // From then on a HUP is a reload again.
    set.configure(1);
    process.kill(old, 'SIGHUP');
    await eventually('the reload', async () => (await answering(set)) === '1', limitMs);
  },
);

test('the workers come back by themselves when the new program ends', async (t) => {
  const set = await startReplaceable(t, { daemon: true });
  const { pid: old } = set;
  set.configure(3);
  const fresh = await replace(set, old);
  await dismiss(set, old);
  assert.equal(await answering(set), '3');
  const load = steadyLoad(set, t);
  await eventually('the load', () => load.total > 20, limitMs);
  process.kill(fresh, 'SIGQUIT');
  await back(set);
  await eventually('the end of the new', () => !alive(fresh), limitMs);
  await load.goesOn();
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await answering(set), '2');
});

test('an upgrade is completed after the workers were let go', async (t) => {
  const set = await startReplaceable(t, { daemon: true });
  const { folder, pid: old } = set;
  const load = steadyLoad(set, t);
  await eventually('the load', () => load.total > 20, limitMs);
  const fresh = await replace(set, old);
  await dismiss(set, old);
  process.kill(old, 'SIGQUIT');
  await eventually('the end of the old', () => !alive(old), limitMs);
  await load.goesOn();
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(pidIn(join(folder, 'sallyport.pid')), fresh);
});

test('without a new program connections wait until a reload', async (t) => {
  const set = await startReplaceable(t, { daemon: true });
  await dismiss(set, set.pid);
  let answered = false;
  const waiting = answering(set).then((text) => {
    answered = true;
    return text;
  });
  set.configure(2, 'nonsense on;');
  process.kill(set.pid, 'SIGHUP');
  const refused = (): boolean => set.errorLog().includes('stays in force');
  await eventually('the refusal', refused, limitMs);
  assert.equal(answered, false);
  set.configure(3);
  process.kill(set.pid, 'SIGHUP');
  assert.equal(await waiting, '3');
});

test('a terminal whose window changes its size stops nothing', async (t) => {
  const set = await startReplaceable(t);
  const before = workerThreads(set.pid);
  process.kill(set.pid, 'SIGWINCH');
  // A later signal, so that the first one has been taken when this one is answered.
  process.kill(set.pid, 'SIGUSR1');
  await eventually('the line', () => set.errorLog().includes('reopening logs'), limitMs);
  assert.equal(await answering(set), '2');
  assert.equal(workerThreads(set.pid), before);
  // The new one has no terminal. It has more workers, and so sockets of its own, which must not take
  // connections when nobody accepts them.
  set.configure(2);
  const fresh = await replace(set, set.pid);
  await dismiss(set, fresh);
  // One that came at the very moment of closing is lost: the kernel moves none to another socket.
  await answering(set).catch(() => '');
  for (let i = 0; i < 12; i += 1) assert.equal(await answering(set), '2');
});
