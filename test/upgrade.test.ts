// The program is replaced while it serves: USR2 starts the new one with the listening sockets, QUIT
// ends the old one, and no request fails, whatever the numbers of workers are. A new program that
// does not come up changes nothing.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { alive, limitMs, pidIn, replace, startReplaceable, tls } from './kit/replaceable.ts';
import { SteadyLoad } from './kit/steady-load.ts';

test(
  'the program is replaced twice under load and no request fails',
  { timeout: 180_000 },
  async (t) => {
    const set = await startReplaceable(t);
    const { port, tlsPort, socketPath } = set;
    const lasting = SteadyLoad.start([{ kind: 'upgraded', target: { port } }], t);
    const load = SteadyLoad.start(
      [
        { kind: 'new', target: { port }, clients: 3 },
        { kind: 'new', target: { port: tlsPort, tls } },
        { kind: 'new', target: { socketPath } },
        { kind: 'kept', target: { port }, clients: 2 },
        { kind: 'kept', target: { port: tlsPort, tls } },
        { kind: 'upload', target: { port } },
        { kind: 'download', target: { port } },
      ],
      t,
    );
    await eventually('the load', () => load.total > 20 && lasting.total > 3, limitMs);
    let old = set.pid;
    for (const workers of [3, 1]) {
      set.configure(workers);
      const pid = await replace(set, old);
      await load.goesOn();
      process.kill(old, 'SIGQUIT');
      // The first one has the upgraded connection, and stays for it.
      if (old !== set.pid) await eventually('the end of the old', () => !alive(old), limitMs);
      await load.goesOn();
      await lasting.goesOn();
      const { body } = await request({ port, path: '/workers' });
      assert.equal(Number(body), workers);
      old = pid;
    }
    assert.ok(alive(set.pid), 'waits for its upgraded connection');
    await lasting.stop();
    await eventually('the end of the first', () => !alive(set.pid), limitMs);
    await load.goesOn();
    await load.stop();
    assert.deepEqual([...load.failures, ...lasting.failures], []);
    assert.equal(pidIn(join(set.folder, 'sallyport.pid')), old);
    assert.equal(existsSync(join(set.folder, 'sallyport.pid.oldbin')), false);
    // The last one removes the socket's file; those before have left it.
    assert.ok(existsSync(socketPath));
    process.kill(old, 'SIGQUIT');
    await eventually('the end of the last', () => !alive(old), limitMs);
    assert.equal(existsSync(socketPath), false);
    await assert.rejects(RawConnection.open({ port }));
  },
);

test('a new program that refuses its configuration changes nothing', async (t) => {
  const set = await startReplaceable(t);
  const { folder, port, pid } = set;
  set.configure(2, 'nonsense on;');
  process.kill(pid, 'SIGUSR2');
  const why = /\[alert\].* the program is not replaced: .*unknown directive "nonsense".*conf:2/;
  await eventually('the reason', () => why.test(set.errorLog()), limitMs);
  assert.equal(pidIn(join(folder, 'sallyport.pid')), pid);
  assert.equal(existsSync(join(folder, 'sallyport.pid.oldbin')), false);
  assert.equal((await request({ port, path: '/a' })).body.toString(), '/a');
  // A second try is a new one.
  set.configure(2);
  await replace(set, pid);
});

test('when the new program dies the old one goes on and takes its place again', async (t) => {
  const set = await startReplaceable(t);
  const { folder, port, socketPath, pid } = set;
  const fresh = await replace(set, pid);
  process.kill(pid, 'SIGUSR2');
  await eventually('the refusal', () =>
    set.errorLog().includes('the new program is there already'),
  );
  process.kill(fresh, 'SIGKILL');
  await eventually('the line', () => /binary process \d+ has ended/.test(set.errorLog()), limitMs);
  assert.equal(pidIn(join(folder, 'sallyport.pid')), pid);
  for (const target of [{ port }, { socketPath }]) {
    assert.equal((await request({ ...target, path: '/a' })).body.toString(), '/a');
  }
});
