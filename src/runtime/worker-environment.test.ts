import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { tempFolder } from '../../test/kit/temp-folder.ts';

const script = `
  import { enableCompileCache, getCompileCacheDir } from 'node:module';
  import { Worker } from 'node:worker_threads';
  const [, folder, file] = process.argv;
  if (folder !== 'none') enableCompileCache(folder);
  const { workerEnvironment } = await import(file);
  const code = \`
    const { parentPort } = process.getBuiltinModule('node:worker_threads');
    const { getCompileCacheDir } = process.getBuiltinModule('node:module');
    parentPort.postMessage([getCompileCacheDir() ?? null, process.env.OWN]);
  \`;
  const worker = new Worker(code, { eval: true, env: workerEnvironment() });
  worker.once('message', (told) => {
    console.log(JSON.stringify({ here: getCompileCacheDir() ?? null, told }));
  });
`;

interface Outcome {
  readonly here: string | null;
  readonly told: readonly (string | null)[];
}

// In a process of its own, whose cache has not been decided yet.
function outcomeWith(folder: string): Outcome {
  const { NODE_COMPILE_CACHE: _, ...rest } = process.env;
  const file = new URL('./worker-environment.ts', import.meta.url).href;
  const args = ['--input-type=module', '-e', script, folder, file];
  const env = { ...rest, OWN: 'value' };
  const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Outcome;
}

test('a worker thread finds compiled code where the main thread does', (t) => {
  const { here, told } = outcomeWith(tempFolder(t));
  assert.notEqual(here, null);
  assert.deepEqual(told, [here, 'value']);
});

test('a process without such a cache has none in its worker threads either', () => {
  assert.deepEqual(outcomeWith('none'), { here: null, told: [null, 'value'] });
});
