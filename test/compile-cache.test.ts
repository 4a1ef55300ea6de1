// Where the launcher lets Node.js keep compiled code: in a folder into which nobody else can write,
// or not at all, since what is found there is run.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Scope } from './kit/scope.ts';
import { repository } from './kit/source-tree.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const tellingProgram = `
  import { getCompileCacheDir } from 'node:module';
  export function main() {
    console.log(getCompileCacheDir() ?? 'none');
    return 0;
  }
`;

/** An installed package whose program says where its compiled code is kept. */
function packageIn(scope: Scope): string {
  const root = realpathSync(tempFolder(scope));
  cpSync(path.join(repository, 'bin'), path.join(root, 'bin'), { recursive: true });
  mkdirSync(path.join(root, 'dist', 'program'), { recursive: true });
  writeIn(root, 'package.json', '{ "type": "module" }');
  writeIn(path.join(root, 'dist', 'program'), 'main.js', tellingProgram);
  return root;
}

function run(root: string): string {
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const args = [path.join(root, 'bin', 'sallyport')];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

function cacheOf(...below: readonly string[]): string {
  return path.join(...below, '.cache', 'sallyport');
}

test('compiled code is kept where the packages are, in a folder for its owner alone', (t) => {
  const root = packageIn(t);
  mkdirSync(path.join(root, 'node_modules'));
  const folder = cacheOf(root, 'node_modules');
  for (let start = 0; start < 2; start += 1) {
    assert.equal(path.dirname(run(root)), folder);
    assert.equal(lstatSync(folder).mode & 0o777, 0o700);
  }
});

test('in a package whose dependencies are elsewhere it is kept beside the program', (t) => {
  const root = packageIn(t);
  assert.equal(path.dirname(run(root)), cacheOf(root));
});

test('nothing is read from a folder that others can write to', (t) => {
  const root = packageIn(t);
  mkdirSync(cacheOf(root), { recursive: true });
  for (const mode of [0o770, 0o702, 0o777]) {
    chmodSync(cacheOf(root), mode);
    assert.equal(run(root), 'none', mode.toString(8));
  }
  chmodSync(cacheOf(root), 0o755);
  assert.notEqual(run(root), 'none');
});

test('nothing is read through a link', (t) => {
  const root = packageIn(t);
  mkdirSync(path.join(root, '.cache'));
  symlinkSync(realpathSync(tempFolder(t)), cacheOf(root));
  assert.equal(run(root), 'none');
});

test('root leaves nothing behind in the folder of another user, and reads nothing there', (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root');
  const root = packageIn(t);
  chownSync(root, 12345, 12345);
  assert.equal(run(root), 'none');
  assert.ok(!existsSync(cacheOf(root)));
  chownSync(root, 0, 0);
  mkdirSync(cacheOf(root), { recursive: true });
  chownSync(cacheOf(root), 12345, 12345);
  assert.equal(run(root), 'none');
});
