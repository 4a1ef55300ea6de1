// TLS files of a running supervisor, over the stub data path: what it serves shows in its greeting.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { StubConfiguration } from './stub-engine.test-kit.ts';
import {
  allGreetings,
  greeting,
  greetingAtLast,
  loadStub,
  portOf,
  supervise,
  visit,
  type Supervised,
} from './supervised.test-kit.ts';

const times = { pollMs: 3_600_000, settleMs: 20 };

interface Running extends Supervised {
  readonly file: string;
  readonly log: { readonly path: string; text(): string };
}

async function run(t: TestContext, more: Partial<StubConfiguration> = {}): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'tls-reload-'));
  const file = join(folder, 'a');
  const log = join(folder, 'error.log');
  writeFileSync(file, '1');
  const supervised = supervise(t, { parts: { tlsWatch: times } });
  t.after(() => rmSync(folder, { recursive: true }));
  const process = {
    masterProcess: false,
    ...more.process,
    errorLog: [{ path: log, level: 'notice' as const }],
  };
  const loaded = await loadStub({ name: 'a', tlsFiles: [file], ...more, process });
  await supervised.supervisor.start(loaded);
  const alive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(alive));
  return { ...supervised, file, log: { path: log, text: () => readFileSync(log, 'utf8') } };
}

test('all workers serve a file that has changed, and one that is restarted as well', async (t) => {
  const { supervisor, events, file } = await run(t, {
    process: { masterProcess: true, workerProcesses: 2 },
  });
  const port = portOf(supervisor);
  assert.deepEqual(await allGreetings(port, 2), ['0 a 1', '1 a 1']);
  const reloaded = once(events, 'tlsReloaded');
  writeFileSync(file, '2');
  assert.deepEqual(await reloaded, [[{ path: file, content: 'content that is not shown' }]]);
  assert.deepEqual(await allGreetings(port, 2), ['0 a 2', '1 a 2']);
  const died = once(events, 'workerDied');
  const { socket } = await visit(port);
  socket.write('die');
  await died;
  assert.match(await greetingAtLast(port), / a 2$/);
  assert.deepEqual(await allGreetings(port, 2), ['0 a 2', '1 a 2']);
});

test('a refused file changes nothing and is told of once', async (t) => {
  const { supervisor, events, file, log } = await run(t);
  const failed = once(events, 'tlsReloadFailed');
  writeFileSync(file, 'bad');
  assert.deepEqual(await failed, [[{ path: file, reason: `"${file}": it is bad` }]]);
  assert.equal(await greeting(portOf(supervisor)), '0 a 1');
  assert.match(log.text(), /\[error\].* is refused, the last good one stays in use/);
  const reloaded = once(events, 'tlsReloaded');
  writeFileSync(file, '3');
  await reloaded;
  assert.equal(await greeting(portOf(supervisor)), '0 a 3');
});

test('a worker that cannot take it leaves all as they were', async (t) => {
  const { supervisor, events, file, log } = await run(t, {
    process: { masterProcess: true, workerProcesses: 2 },
  });
  const failed = once(events, 'tlsReloadFailed');
  writeFileSync(file, 'not in a worker');
  assert.deepEqual(await failed, [[]]);
  assert.match(
    log.text(),
    /TLS files have changed but could not be taken over: .*cannot compile here/,
  );
  assert.deepEqual(await allGreetings(portOf(supervisor), 2), ['0 a 1', '1 a 1']);
});

test('a reload watches the files of the new configuration', async (t) => {
  const { supervisor, events, file } = await run(t);
  const other = `${file}.other`;
  writeFileSync(other, 'x');
  await supervisor.reload(
    await loadStub({ name: 'b', tlsFiles: [other], process: { masterProcess: false } }),
  );
  const reloaded = once(events, 'tlsReloaded');
  writeFileSync(file, '2');
  writeFileSync(other, 'y');
  const [[first]] = (await reloaded) as [[{ readonly path: string }]];
  assert.equal(first.path, other);
  assert.equal(await greetingAtLast(portOf(supervisor)), '0 b y');
});

// As after root was given up: the key is there, but this user may not read it.
test('a file that may not be read any more is warned of once, and nothing is refused', async (t) => {
  const { supervisor, events, file, log } = await run(t);
  const failures: unknown[] = [];
  events.on('tlsReloadFailed', (files) => failures.push(files));
  const other = `${file}.other`;
  writeFileSync(other, 'x');
  const loaded = await loadStub({
    name: 'b',
    tlsFiles: [file, other],
    process: { masterProcess: false, errorLog: [{ path: log.path, level: 'notice' }] },
  });
  const count = (): number => log.text().split('cannot be watched').length - 1;
  await withoutRights([file], [dirname(file), log.path, other], async () => {
    await supervisor.reload(loaded);
    while (count() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const reloaded = once(events, 'tlsReloaded');
    writeFileSync(other, 'y');
    await reloaded;
  });
  assert.match(
    log.text(),
    /\[warn\].*a" cannot be watched: it cannot be read \(13: Permission denied\)/,
  );
  assert.deepEqual([count(), failures], [1, []]);
});

/** Runs `work` as somebody who may not read `secret`, but everything with `open`. */
async function withoutRights(
  secret: readonly string[],
  open: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  for (const path of secret) chmodSync(path, isRoot ? 0o600 : 0);
  for (const path of open) chmodSync(path, 0o777);
  if (isRoot) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
