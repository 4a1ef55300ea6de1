// The built program: what a start of the proxy loads and what it does not, and that its threads and
// commands find each other in few files.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { bundle } from '../scripts/bundle.ts';
import { freePorts } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import { request } from './kit/raw-client.ts';
import { repository } from './kit/source-tree.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const root = realpathSync(tempFolder());
const { outputs } = await bundle(repository, path.join(root, 'dist'));
cpSync(path.join(repository, 'bin'), path.join(root, 'bin'), { recursive: true });
cpSync(path.join(repository, 'package.json'), path.join(root, 'package.json'));
// Linked one by one, so that compiled code is kept in the copy.
const modules = path.join(repository, 'node_modules');
mkdirSync(path.join(root, 'node_modules'));
for (const name of readdirSync(modules)) {
  if (name === '.cache') continue;
  symlinkSync(path.join(modules, name), path.join(root, 'node_modules', name));
}

interface Loaded {
  readonly files: readonly string[];
  /** Paths below the repository. */
  readonly sources: readonly string[];
  /** Packages and modules of Node.js. */
  readonly packages: readonly string[];
}

/** What comes with a file of the build, without anybody asking for more. */
function loadedWith(name: string): Loaded {
  const first = Object.keys(outputs).find((file) => path.basename(file) === name);
  assert.notEqual(first, undefined, name);
  const files = new Set([first ?? '']);
  const packages = new Set<string>();
  for (const file of files) {
    for (const imported of outputs[file]?.imports ?? []) {
      if (imported.kind !== 'import-statement') continue;
      if (imported.external === true) packages.add(imported.path);
      else files.add(imported.path);
    }
  }
  const sources = [...files].flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}));
  return { files: [...files], sources, packages: [...packages] };
}

for (const name of ['main.js', 'worker-main.js']) {
  test(`${name} brings nothing that only some commands need`, () => {
    const { files, sources, packages } = loadedWith(name);
    assert.ok(files.length < 10, 'few files');
    assert.ok(sources.includes('src/server/engine.ts'), 'the sources were found');
    const rare = /^src\/(pki|cli\/demo|audit)\/(?!redact\.ts$)/;
    assert.deepEqual(
      sources.filter((source) => rare.test(source)),
      [],
    );
    // Modules of Node.js that load much more than one would think.
    const costly = ['node:http', 'node:https', 'node:http2'];
    assert.deepEqual(
      packages.filter((one) => !one.startsWith('node:') || costly.includes(one)),
      [],
    );
  });
}

test('a worker brings nothing of the command line', () => {
  const { sources } = loadedWith('worker-main.js');
  assert.deepEqual(
    sources.filter((source) => /^src\/(cli\/|index\.ts|serving\.ts)/.test(source)),
    [],
  );
});

test('the built program serves, with its threads for workers and for passwords', async (t) => {
  const folder = tempFolder(t);
  writeIn(folder, 'users', 'u:$2y$05$pUHEgkbEwV/bAzwh8/1evOXXIIbi71BRyV1h.7x32As9CTT0c8OEO\n');
  writeIn(folder, 'page', 'page');
  const [port = 0] = await freePorts(1);
  const program = path.join(root, 'bin', 'sallyport');
  const configuration = `events {} http { server { listen 127.0.0.1:${port};
    root .; location / { auth_basic r; auth_basic_user_file users; } } }`;
  await startProgram(configuration, { folder, program, scope: t });
  const answerTo = async (password: string): Promise<number> => {
    const credentials = Buffer.from(`u:${password}`).toString('base64');
    const headers = { Authorization: `Basic ${credentials}` };
    return (await request({ port, path: '/page', headers })).status;
  };
  assert.equal(await answerTo('secret'), 200);
  assert.equal(await answerTo('wrong'), 401);
});

test('commands that need more load it', (t) => {
  const folder = tempFolder(t);
  const file = writeIn(
    folder,
    'sallyport.conf',
    'events {} http { server { location / { proxy_pass https://127.0.0.1:1; } } }',
  );
  for (const args of [
    ['-v'],
    ['-t', '-c', file],
    ['-t', '--deep', '--offline', '-c', file],
    ['pki', 'init', '--dir', path.join(folder, 'ca')],
    ['selftest', '-c', file],
    ['audit', file],
  ]) {
    const program = path.join(root, 'bin', 'sallyport');
    const options = { cwd: folder, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync(process.execPath, [program, ...args], options);
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  }
});

test('a stack trace names the functions, and with source maps the sources', () => {
  const script = `
    const { createProxy } = await import(process.argv[1]);
    try { await createProxy({ text: 'events {}' }).reload(); } catch (e) { console.log(e.stack); }
  `;
  const index = path.join(root, 'dist', 'program', 'index.js');
  const stackWith = (...options: string[]): string => {
    const args = [...options, '--input-type=module', '-e', script, index];
    return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout;
  };
  assert.match(stackWith(), / at #assertRunning \(/);
  assert.match(stackWith('--enable-source-maps'), /src\/runtime\/supervisor\.ts:\d+/);
});
