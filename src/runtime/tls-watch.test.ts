import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { TlsWatch, type TlsWatchTimes } from './tls-watch.ts';

const byEvents = { pollMs: 3_600_000, settleMs: 20 };
const byPolling = { pollMs: 30, settleMs: 20 };

interface Watched {
  readonly folder: string;
  /** Calls so far. */
  readonly count: () => number;
  /** The next call. */
  next(): Promise<void>;
  readonly watch: TlsWatch;
}

/** Watches `name` in a folder of its own, and has waited for the first call. */
async function watched(
  context: TestContext,
  name: string,
  times: TlsWatchTimes,
  make: (folder: string) => void,
): Promise<Watched> {
  const folder = mkdtempSync(join(tmpdir(), 'tls-watch-'));
  make(folder);
  let calls = 0;
  const waiting: (() => void)[] = [];
  const next = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const first = next();
  const watch = new TlsWatch({
    ...times,
    paths: [join(folder, name)],
    onChange: () => {
      calls += 1;
      for (const resolve of waiting.splice(0)) resolve();
    },
  });
  context.after(() => {
    watch.close();
    rmSync(folder, { recursive: true });
  });
  // A watcher keeps no process alive; a test that waits for it must.
  const alive = setInterval(() => {}, 1000);
  context.after(() => clearInterval(alive));
  await first;
  return { folder, count: () => calls, next, watch };
}

function write(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

for (const [how, times] of Object.entries({ events: byEvents, polling: byPolling })) {
  test(`a file that is written in place is noticed by ${how}`, async (t) => {
    const { folder, next } = await watched(t, 'a', times, (at) => write(at, 'a', '1'));
    const change = next();
    write(folder, 'a', '22');
    await change;
  });

  test(`a file that is renamed over is noticed by ${how}, time after time`, async (t) => {
    const { folder, next } = await watched(t, 'a', times, (at) => write(at, 'a', '1'));
    for (let i = 0; i < 3; i += 1) {
      const change = next();
      write(folder, 'b', 'x');
      renameSync(join(folder, 'b'), join(folder, 'a'));
      await change;
    }
  });

  test(`a file that is removed and made again is noticed by ${how}`, async (t) => {
    const { folder, next } = await watched(t, 'a', times, (at) => write(at, 'a', '1'));
    const removed = next();
    unlinkSync(join(folder, 'a'));
    await removed;
    const made = next();
    write(folder, 'a', '1');
    await made;
  });

  test(`a link on the way to the file that is turned is noticed by ${how}`, async (t) => {
    const { folder, next } = await watched(t, 'certs/a', times, (at) => {
      for (const name of ['one', 'two']) {
        mkdirSync(join(at, name));
        write(at, `${name}/a`, name);
      }
      symlinkSync('one', join(at, 'certs'));
    });
    const change = next();
    symlinkSync('two', join(folder, 'next'));
    renameSync(join(folder, 'next'), join(folder, 'certs'));
    await change;
    // The watch has followed the link.
    const again = next();
    write(folder, 'two/a', 'changed');
    await again;
  });

  test(`a file whose folder comes later is noticed by ${how}`, async (t) => {
    const { folder, next } = await watched(t, 'later/a', times, () => {});
    const change = next();
    mkdirSync(join(folder, 'later'));
    write(folder, 'later/a', '1');
    await change;
  });
}

test('a change is told when the file has come to rest', async (t) => {
  const times = { pollMs: 3_600_000, settleMs: 300 };
  const { folder, next, count } = await watched(t, 'a', times, (at) => write(at, 'a', '1'));
  const change = next();
  for (let i = 0; i < 10; i += 1) {
    write(folder, 'a', 'x'.repeat(i + 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await change;
  assert.equal(count(), 2);
});

test('other files of the folder do not matter', async (t) => {
  const { folder, count, next } = await watched(t, 'a', byEvents, (at) => write(at, 'a', '1'));
  for (let i = 0; i < 20; i += 1) write(folder, 'log', String(i));
  const change = next();
  write(folder, 'a', '22');
  await change;
  assert.equal(count(), 2);
});

test('nothing is told after the close', async (t) => {
  const { folder, count, watch } = await watched(t, 'a', byPolling, (at) => write(at, 'a', '1'));
  write(folder, 'a', '22');
  watch.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(count(), 1);
});
