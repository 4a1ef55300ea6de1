// Workers that are let go and come back, seen through the stub data path.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  allGreetings,
  greeting,
  greetingAtLast,
  loadStub,
  portOf,
  supervise,
  visit,
} from './supervised.test-kit.ts';

const two = { workerProcesses: 2 };

for (const [how, parts] of [
  ['with shared sockets', {}],
  ['with sockets of their own', { socketCalls: null }],
] as const) {
  test(`a reload brings workers back that were let go: ${how}`, async (context) => {
    const { supervisor } = supervise(context, { parts });
    await supervisor.start(await loadStub({ name: 'a', process: two }));
    const port = portOf(supervisor);
    await allGreetings(port, 2);
    const { socket } = await visit(port);
    await supervisor.dismissWorkers();
    // Again: nothing more happens.
    await supervisor.dismissWorkers();
    assert.equal(await supervisor.rollBack(), false, 'there is no other program');
    await assert.rejects(supervisor.reload(await loadStub({ name: 'b', error: 'wrong' })));
    socket.destroy();
    const { current } = supervisor;
    assert.ok(current !== null);
    const keys = current.listens.map(({ key }) => key);
    await supervisor.reload(await loadStub({ name: 'c', listens: keys, process: two }));
    assert.deepEqual(await allGreetings(port, 2), ['0 c', '1 c']);
  });
}

test('what connects while the workers are gone is answered when they are back', async (context) => {
  const { supervisor } = supervise(context);
  await supervisor.start(await loadStub({ name: 'a', process: two }));
  const port = portOf(supervisor);
  const { socket } = await visit(port);
  await supervisor.dismissWorkers();
  const gone = new Promise((resolve) => socket.once('close', resolve));
  socket.write('bye');
  await gone;
  const waiting = greetingAtLast(port);
  const keys = supervisor.current?.listens.map(({ key }) => key) ?? [];
  await supervisor.reload(await loadStub({ name: 'b', listens: keys, process: two }));
  assert.match(await waiting, /^[01] b$/);
});

test('a proxy without workers ends as any other', async (context) => {
  const { supervisor, events } = supervise(context);
  await supervisor.start(await loadStub({ name: 'a', process: two }));
  const ended = new Promise<void>((resolve) => events.once('ended', () => resolve()));
  await supervisor.dismissWorkers();
  await supervisor.quit();
  await ended;
  await assert.rejects(supervisor.dismissWorkers(), { code: 'NOT_RUNNING' });
});

test('with master_process off there are no workers to let go', async (context) => {
  const { supervisor } = supervise(context);
  await supervisor.start(await loadStub({ name: 'a', process: { masterProcess: false } }));
  await supervisor.dismissWorkers();
  assert.equal(await greeting(portOf(supervisor)), '0 a');
});
