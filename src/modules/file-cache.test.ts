import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { FileCache, type FileCacheSettings } from './file-cache.ts';
import type { FileAccess, OpenedFile } from './opened-file.ts';

const stat = fs.statSync(import.meta.filename);
const hour = 3_600_000;

/** Files that are all alike but for those that are missing; counts what is done with them. */
class CountedFiles implements FileAccess {
  readonly missing = new Set<string>();
  opened = 0;
  closed = 0;
  looked = 0;

  open(path: string): OpenedFile | string {
    this.opened += 1;
    if (this.missing.has(path)) return 'ENOENT';
    return { file: this.opened, stat, close: () => void (this.closed += 1) };
  }

  look(path: string): fs.Stats | string {
    this.looked += 1;
    return this.missing.has(path) ? 'ENOENT' : stat;
  }
}

function cached(max: number, settings: Partial<FileCacheSettings> = {}) {
  const files = new CountedFiles();
  const cache = new FileCache(max, hour);
  const all = { valid: hour, minUses: 1, errors: true, ...settings };
  return { files, cache, access: cache.access({ settings: all, files, prefix: '' }) };
}

function opened(found: OpenedFile | string): OpenedFile {
  assert.ok(typeof found !== 'string', `not found: ${String(found)}`);
  return found;
}

test('a file is opened once for all who read it', () => {
  const { files, access } = cached(10);
  const [first, second] = [opened(access.open('/a')), opened(access.open('/a'))];
  assert.equal(first.file, second.file);
  first.close();
  second.close();
  assert.deepEqual([files.opened, files.closed], [1, 0]);
});

test('what is dropped stays open for whoever is reading it', () => {
  const { files, cache, access } = cached(10);
  const file = opened(access.open('/a'));
  cache.close();
  assert.equal(files.closed, 0);
  file.close();
  assert.equal(files.closed, 1);
  assert.equal(cache.size, 0);
});

test('the file that nobody asked for longest makes room for another', () => {
  const { files, cache, access } = cached(2);
  for (const path of ['/a', '/b', '/a', '/c', '/a']) opened(access.open(path)).close();
  assert.deepEqual([files.opened, files.closed, cache.size], [3, 1, 2]);
  opened(access.open('/b')).close();
  assert.equal(files.opened, 4);
});

test('a missing file is looked for once, unless errors are not kept', () => {
  for (const errors of [true, false]) {
    const { files, access } = cached(10, { errors });
    files.missing.add('/a');
    assert.deepEqual(
      [access.open('/a'), access.look('/a'), access.open('/a')],
      Array(3).fill('ENOENT'),
    );
    assert.equal(files.opened + files.looked, errors ? 1 : 3);
  }
});

test('what was only looked at is opened when it is asked for', () => {
  const { files, access } = cached(10);
  access.look('/a');
  access.look('/a');
  opened(access.open('/a')).close();
  opened(access.open('/a')).close();
  access.look('/a');
  assert.deepEqual([files.looked, files.opened], [1, 1]);
});

test('a file stays open only when it was asked for often enough', () => {
  const { files, access } = cached(10, { minUses: 3 });
  for (let i = 0; i < 5; i += 1) opened(access.open('/a')).close();
  assert.deepEqual([files.opened, files.closed], [3, 2]);
});

test('what is too old is looked at anew, and its descriptor closed', () => {
  const { files, access } = cached(10, { valid: 0 });
  opened(access.open('/a')).close();
  opened(access.open('/a')).close();
  assert.deepEqual([files.opened, files.closed], [2, 1]);
  files.missing.add('/a');
  assert.equal(access.open('/a'), 'ENOENT');
  assert.equal(files.closed, 2);
});
