// The examples in packaging/: every command in them is one that the program takes, with options that
// it knows, and the hook holds up what it should.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const root = path.join(import.meta.dirname, '..');
const program = path.join(root, 'bin', 'sallyport');

function read(name: string): string {
  return readFileSync(path.join(root, 'packaging', name), 'utf8');
}

const bad = 'events {}\nhttp { server { location / { proxy_pass https://app.internal; } } }\n';
const good = 'events {}\nhttp { server { location / { return 204; } } }\n';

// The commands as they stand, with a configuration of ours in the place of the example's.
function commandsIn(text: string, configuration: string): readonly (readonly string[])[] {
  return [...text.matchAll(/npx --yes sallyport (.*)$/gm)].map((found) =>
    (found[1] ?? '')
      .replace(/"\$CONFIGURATION"|nginx\/nginx\.conf/, configuration)
      .split(' ')
      .filter((word) => word !== ''),
  );
}

for (const [name, count] of [
  ['github-action.yml', 2],
  ['pre-commit-config.yaml', 1],
] as const) {
  test(`the commands of ${name} run`, (t) => {
    const folder = tempFolder(t);
    const file = writeIn(folder, 'nginx.conf', bad);
    const commands = commandsIn(read(name), file);
    assert.equal(commands.length, count);
    for (const args of commands) {
      const { status, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
      const expected = args.includes('none') ? 0 : 1;
      assert.equal(status, expected, `${args.join(' ')}: ${stderr}`);
    }
  });
}

test('the action uploads what the audit has written', (t) => {
  const text = read('github-action.yml');
  const written = /--format sarif --output (\S+)/.exec(text)?.[1];
  assert.equal(written, /sarif_file: (\S+)/.exec(text)?.[1]);
  const folder = tempFolder(t);
  const file = writeIn(folder, 'nginx.conf', bad);
  const [audit] = commandsIn(text, file);
  assert.equal(spawnSync(program, audit ?? [], { cwd: folder }).status, 0);
  const sarif = readFileSync(path.join(folder, written ?? ''), 'utf8');
  assert.equal((JSON.parse(sarif) as { version: string }).version, '2.1.0');
});

test('the action asks for a Node.js that the package supports', () => {
  const { engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const asked = /node-version: (\d+)/.exec(read('github-action.yml'))?.[1];
  assert.equal(engines.node, `>=${asked ?? ''}`);
});

test('YAML has no tabs, and its quotes are closed', () => {
  for (const name of ['github-action.yml', 'pre-commit-config.yaml']) {
    for (const line of read(name).split('\n')) {
      assert.doesNotMatch(line, /\t/);
      assert.equal((line.match(/"/g) ?? []).length % 2, 0, line);
    }
  }
});

test('the hook holds up a commit with a hop that nobody checks, and no other', (t) => {
  const folder = tempFolder(t);
  // Within a hook of its own repository, git would tell where that is.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')),
  );
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: folder, encoding: 'utf8', env });
  const hook = () =>
    spawnSync('sh', [path.join(root, 'packaging', 'pre-commit')], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...env, SALLYPORT: program },
    });
  git('init', '--quiet');
  mkdirSync(path.join(folder, 'nginx'));
  writeIn(folder, 'nginx/nginx.conf', bad);
  assert.equal(hook().status, 0, 'nothing is to be committed');
  git('add', 'nginx/nginx.conf');
  const held = hook();
  assert.equal(held.status, 1, held.stdout + held.stderr);
  assert.match(held.stdout, /no-verify/);
  assert.match(held.stderr, /held up/);
  writeIn(folder, 'nginx/nginx.conf', good);
  assert.equal(hook().status, 0);
});
