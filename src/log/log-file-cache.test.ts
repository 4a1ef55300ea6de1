// When files with names out of variables are closed, and that no line is lost by that.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Complaint } from './complaint.ts';
import { LogFileCache, type LogFileCacheSettings } from './log-file-cache.ts';
import type { LogFile } from './log-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-log-cache-'));
after(() => rmSync(folder, { recursive: true }));

const hour = 3_600_000;
const patient: LogFileCacheSettings = { max: 10, inactive: hour, minUses: 1, valid: hour };

function cacheOf(settings: LogFileCacheSettings | null): LogFileCache {
  return new LogFileCache(settings, new Complaint(() => undefined));
}

function write(cache: LogFileCache, name: string, text: string): LogFile {
  const file = cache.file(join(folder, name));
  file.write(text);
  return file;
}

function read(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

/** What was written by a file that closes by itself is there a little later. */
async function written(name: string, text: string): Promise<void> {
  while (read(name).length < text.length) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(read(name), text);
}

function isClosed(file: LogFile): boolean {
  return file.begin(0) === null;
}

async function closed(...files: readonly LogFile[]): Promise<void> {
  while (!files.every(isClosed)) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('without settings a file is closed once its batch is written', async () => {
  const cache = cacheOf(null);
  const first = write(cache, 'a', '1\n');
  assert.equal(write(cache, 'a', '2\n'), first);
  await closed(first);
  const second = write(cache, 'a', '3\n');
  assert.notEqual(second, first);
  cache.closeAll();
  await written('a', '1\n2\n3\n');
});

test('a file is kept from minUses lines on, one that is not used goes', async () => {
  const cache = cacheOf({ ...patient, minUses: 2 });
  const once = write(cache, 'once', '1\n');
  await closed(once);
  const twice = write(cache, 'once', '2\n');
  // Closed by the same sweep that leaves the other one open.
  await closed(write(cache, 'other', 'x\n'));
  assert.equal(isClosed(twice), false);
  cache.closeAll();
  await written('once', '1\n2\n');
  const lazy = cacheOf({ ...patient, inactive: 1 });
  await closed(write(lazy, 'lazy', 'x\n'));
  await written('lazy', 'x\n');
});

test('beyond max the file that was used longest ago is closed, and written', async () => {
  const cache = cacheOf({ ...patient, max: 2 });
  const [a, b] = [write(cache, 'm1', '1\n'), write(cache, 'm2', '2\n')];
  assert.equal(write(cache, 'm1', '3\n'), a);
  const c = write(cache, 'm3', '4\n');
  assert.deepEqual([a, b, c].map(isClosed), [false, true, false]);
  cache.closeAll();
  await written('m2', '2\n');
  assert.deepEqual(['m1', 'm2', 'm3'].map(read), ['1\n3\n', '2\n', '4\n']);
});

test('flushAll writes before it returns, closeAll may be followed by more lines', () => {
  const cache = cacheOf(patient);
  write(cache, 'f', '1\n');
  cache.flushAll();
  assert.equal(read('f'), '1\n');
  cache.closeAll();
  write(cache, 'f', '2\n');
  cache.closeAll();
  assert.equal(read('f'), '1\n2\n');
});

test('a path that cannot be opened throws, and is tried again', () => {
  const cache = cacheOf(patient);
  assert.throws(() => cache.file(join(folder, 'none', 'x')), { code: 'ENOENT' });
  assert.throws(() => cache.file(`${folder}/a\0b`), { code: 'ERR_INVALID_ARG_VALUE' });
  cache.closeAll();
});
