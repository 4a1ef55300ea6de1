// Every way in which a worker can end but a crash of Node.js itself: the cause is told, another takes
// its place, and no connection that waits is lost.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import {
  greeting,
  greetingAtLast,
  loadStub,
  portOf,
  supervise,
  visit,
  type Greeted,
  type Supervised,
} from './supervised.test-kit.ts';
import type { SupervisorParts } from './supervisor-parts.ts';

// A worker that eats all memory should be quick about it.
setFlagsFromString('--max-old-space-size=96');

const never = (): number => 600_000;
const watchdog = { everyMs: 100, looks: 4 };
const two = { workerProcesses: 2 };

async function started(
  context: TestContext,
  parts: Partial<SupervisorParts>,
  process: { readonly workerProcesses: number } = two,
): Promise<Supervised> {
  const supervised = supervise(context, { parts });
  await supervised.supervisor.start(await loadStub({ name: 'a', process }));
  return supervised;
}

/** Tells the worker that answers to end so; gives its number and the cause. */
async function end(
  { supervisor, events }: Supervised,
  word: string,
): Promise<{ readonly id: number; readonly cause: string }> {
  const died = once(events, 'workerDied') as Promise<[number, Error]>;
  const { socket, greeting: text } = await visit(portOf(supervisor));
  socket.write(word);
  const [id, { message }] = await died;
  assert.equal(text, `${id} a`);
  return { id, cause: message };
}

/** A connection to each of two workers. */
async function toEach(port: number): Promise<readonly [Greeted, Greeted]> {
  const found: Greeted[] = [];
  while (found.length < 2) {
    const one = await visit(port);
    const known = found.find((other) => other.greeting === one.greeting);
    if (known === undefined) found.push(one);
    else one.socket.destroy();
  }
  found.sort((one, other) => one.greeting.localeCompare(other.greeting));
  return found as unknown as readonly [Greeted, Greeted];
}

describe('the cause is told and another worker comes', () => {
  const ways = [
    ['die', /^worker \d died: Error: told to die\n {4}at /],
    ['reject', /^worker \d died: Error: told to reject\n {4}at /],
    ['exit', /^worker \d died: exit code 3$/],
    ['eat', /^worker \d died: .*memory limit/],
    ['hang', /^worker \d died: it has not answered for 0\.4 s$/],
  ] as const;
  for (const [word, cause] of ways) {
    test(word, async (context) => {
      const supervised = await started(context, { restartDelay: () => 0, watchdog });
      const port = portOf(supervised.supervisor);
      const both = await toEach(port);
      const ended = await end(supervised, word);
      assert.match(ended.cause, cause);
      // The other worker's connections know nothing of it.
      const other = both[1 - ended.id];
      assert.equal(other?.socket.destroyed, false);
      // Whoever comes meanwhile waits for the next one.
      const texts = await Promise.all(Array.from({ length: 20 }, () => greeting(port)));
      assert.ok(texts.every((text) => /^[01] a$/.test(text)));
      for (const { socket } of both) socket.destroy();
    });
  }
});

describe('while its successor is a while away', () => {
  test('the other workers accept for it', async (context) => {
    const supervised = await started(context, { restartDelay: never });
    const { id } = await end(supervised, 'die');
    for (let i = 0; i < 30; i += 1) {
      assert.equal(await greeting(portOf(supervised.supervisor)), `${1 - id} a`);
    }
  });

  test('they stop when it is back', async (context) => {
    const supervised = await started(context, { restartDelay: () => 300 });
    const { supervisor } = supervised;
    const { id } = await end(supervised, 'die');
    assert.equal(await greeting(portOf(supervisor)), `${1 - id} a`);
    for (const { socket } of await toEach(portOf(supervisor))) socket.destroy();
  });

  test('unix sockets are served by all workers', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'worker-death-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 's');
    const { supervisor, events } = supervise(context, { parts: { restartDelay: never } });
    const listens = [`unix:${path}`];
    await supervisor.start(await loadStub({ name: 'a', listens, process: two }));
    const died = once(events, 'workerDied') as Promise<[number, Error]>;
    (await visit(path)).socket.write('die');
    const [id] = await died;
    for (let i = 0; i < 10; i += 1) assert.equal(await greeting(path), `${1 - id} a`);
  });

  test('a reload, a quit and a close find their way', async (context) => {
    for (const last of ['quit', 'close'] as const) {
      const supervised = await started(context, { restartDelay: never }, { workerProcesses: 1 });
      const { supervisor } = supervised;
      await end(supervised, 'die');
      await supervisor.reload(await loadStub({ name: 'b' }));
      await supervisor[last]();
    }
  });
});

describe('a worker that hangs', () => {
  test('does not keep a quit waiting', async (context) => {
    const { supervisor } = await started(context, { watchdog });
    const { socket } = await visit(portOf(supervisor));
    socket.write('hang');
    await supervisor.quit();
    socket.destroy();
  });

  test('does not keep a close waiting', async (context) => {
    const { supervisor } = await started(context, {});
    const { socket } = await visit(portOf(supervisor));
    socket.write('hang');
    await supervisor.close();
    socket.destroy();
  });
});

test('the number of workers changes and no connection is lost', async (context) => {
  const { supervisor } = await started(context, {}, { workerProcesses: 1 });
  const port = portOf(supervisor);
  let stop = false;
  let failure: unknown = null;
  const load = (async () => {
    while (!stop) await greeting(port);
  })().catch((error: unknown) => {
    failure = error;
  });
  for (const workerProcesses of [3, 2, 1, 2]) {
    const name = `with-${workerProcesses}`;
    await supervisor.reload(await loadStub({ name, process: { workerProcesses } }));
    const seen = new Set<string>();
    while (seen.size < workerProcesses && failure === null) {
      const text = await greeting(port);
      if (text.endsWith(name)) seen.add(text);
    }
  }
  stop = true;
  await load;
  assert.equal(failure, null);
});

// At whichever step of it: before the worker has prepared, before it has swapped, after.
test('a worker that dies in the middle of a reload has a successor all the same', async (context) => {
  const { supervisor } = await started(context, { restartDelay: () => 1 });
  const port = portOf(supervisor);
  for (let round = 0; round < 8; round += 1) {
    const both = await toEach(port);
    const next = await loadStub({ name: `${round}`, process: two });
    const reloaded = supervisor.reload(next);
    for (let turn = 0; turn < round; turn += 1) await new Promise(setImmediate);
    both[round % 2]?.socket.write('die');
    await reloaded;
    const greetings = [`0 ${round}`, `1 ${round}`];
    const seen = new Set<string>();
    while (!greetings.every((one) => seen.has(one))) seen.add(await greetingAtLast(port));
    for (const { socket } of both) socket.destroy();
  }
});
