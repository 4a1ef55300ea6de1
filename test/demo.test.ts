// The demo as a user runs it: it proves its point, ends at Ctrl-C and leaves nothing behind.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { repository } from './kit/source-tree.ts';
import { tempFolder } from './kit/temp-folder.ts';

interface RunningDemo {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Where it makes its own folder. */
  readonly folder: string;
  output(): string;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

function startDemo(t: TestContext, args: readonly string[]): RunningDemo {
  const folder = tempFolder(t);
  const child = spawn(process.execPath, [join(repository, 'bin', 'sallyport'), 'demo', ...args], {
    env: { ...process.env, TMPDIR: folder, NO_COLOR: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => (text += chunk));
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, folder, output: () => text, ended };
}

async function until(demo: RunningDemo, words: string): Promise<void> {
  while (!demo.output().includes(words)) {
    const ended = await Promise.race([demo.ended, once(demo.child.stdout, 'data')]);
    if (!Array.isArray(ended)) assert.fail(`it ended: ${demo.output()}`);
  }
}

test('the demo checks itself, says what was refused and why, and leaves no file', async (t) => {
  const demo = startDemo(t, ['--check']);
  assert.equal(await demo.ended, 0, demo.output());
  assert.match(demo.output(), /GET \/ +backend 1 +200 +TLSv1\.3 +\S+ +new +verified/);
  assert.match(demo.output(), /GET \/ +backend 2 +200 +TLSv1\.3 +\S+ +resumed +verified/);
  assert.match(demo.output(), /GET \/impostor +- +502 .* refused/);
  assert.match(demo.output(), /UPSTREAM_TLS_UNKNOWN_ISSUER/);
  assert.match(demo.output(), /UPSTREAM_TLS_NAME_MISMATCH/);
  assert.ok(!demo.output().includes('\u001b'), 'no colours without a terminal');
  assert.deepEqual(readdirSync(demo.folder), []);
});

test('the demo serves until Ctrl-C, which may come twice, and then removes its files', async (t) => {
  const demo = startDemo(t, []);
  await until(demo, 'Ctrl-C ends it');
  const [own = ''] = readdirSync(demo.folder);
  assert.match(readFileSync(join(demo.folder, own, 'nginx.conf'), 'utf8'), /proxy_pass https:/);
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.output()) ?? [];
  const answers = [await fetch(`${url}/`), await fetch(`${url}/impostor`), await fetch(`${url}/`)];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 502, 200],
  );
  demo.child.kill('SIGINT');
  demo.child.kill('SIGINT');
  assert.equal(await demo.ended, 0, demo.output());
  assert.deepEqual(readdirSync(demo.folder), []);
  await assert.rejects(fetch(`${url}/`));
});

test('the demo ends at SIGTERM while it is still checking itself', async (t) => {
  const demo = startDemo(t, []);
  await until(demo, 'configuration');
  demo.child.kill('SIGTERM');
  assert.equal(await demo.ended, 0, demo.output());
  assert.deepEqual(readdirSync(demo.folder), []);
});

test('the demo refuses options that it does not know', async (t) => {
  const demo = startDemo(t, ['--chekc']);
  assert.equal(await demo.ended, 1);
  assert.equal(demo.output(), 'sallyport: invalid option: "--chekc"\n');
});
