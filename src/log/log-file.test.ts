// Log files over a real file system: batches, rotation, several writers, and disks that refuse.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, chmodSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Complaint } from './complaint.ts';
import { FlushTimer } from './flush-timer.ts';
import { LogFile } from './log-file.ts';
import { LogFiles } from './log-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
after(() => rmSync(folder, { recursive: true }));

let serial = 0;
function freshPath(): string {
  serial += 1;
  return join(folder, `${serial}.log`);
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Waits until the file holds `length` characters. */
async function grown(path: string, length: number): Promise<string> {
  for (;;) {
    const text = read(path);
    if (text.length >= length) return text;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('lines are gathered, and written by the timer without a flush', async () => {
  const path = freshPath();
  const file = LogFile.open(path, { timer: new FlushTimer(1) });
  file.write('one\n');
  file.write('two\n');
  assert.equal(read(path), '');
  assert.equal(await grown(path, 8), 'one\ntwo\n');
  file.write('three\n');
  assert.equal(await grown(path, 14), 'one\ntwo\nthree\n');
  file.close();
});

test('more than 64 KB are written without waiting for the timer', async () => {
  const path = freshPath();
  const file = LogFile.open(path, { timer: new FlushTimer(1_000_000) });
  const line = `${'x'.repeat(999)}\n`;
  for (let i = 0; i < 70; i += 1) file.write(line);
  assert.equal(await grown(path, 66_000), line.repeat(66));
  file.close();
  assert.equal(read(path), line.repeat(70));
});

test('flush and close write at once, and an existing file is appended to', () => {
  const path = freshPath();
  const first = LogFile.open(path);
  first.write('first\n');
  first.flush();
  assert.equal(read(path), 'first\n');
  first.close();
  const second = LogFile.open(path);
  second.write('second\n');
  second.close();
  second.close();
  assert.equal(read(path), 'first\nsecond\n');
});

test('text is written as UTF-8', () => {
  const path = freshPath();
  const file = LogFile.open(path);
  file.write('caf\u00e9\n');
  file.close();
  assert.equal(read(path), 'caf\u00e9\n');
});

test('a file that cannot be opened throws', () => {
  assert.throws(() => LogFile.open(join(folder, 'missing', 'x.log')), { code: 'ENOENT' });
});

test('after a rotation old lines are in the old file and new ones in the new', () => {
  const path = freshPath();
  const file = LogFile.open(path);
  file.write('before\n');
  renameSync(path, `${path}.1`);
  file.write('still before\n');
  file.reopen();
  file.write('after\n');
  file.close();
  assert.equal(read(`${path}.1`), 'before\nstill before\n');
  assert.equal(read(path), 'after\n');
});

test('a batch on its way at a rotation is not lost', async () => {
  const path = freshPath();
  const file = LogFile.open(path);
  const batch = `${'x'.repeat(70_000)}\n`;
  file.write(batch);
  renameSync(path, `${path}.1`);
  file.reopen();
  file.write('after\n');
  file.close();
  assert.equal(await grown(`${path}.1`, batch.length), batch);
  assert.equal(read(path), 'after\n');
});

/** A log whose folder has got another name, and that was to be opened anew. */
function fileMovedAway(name: string): {
  readonly place: string;
  readonly path: string;
  readonly said: readonly string[];
  readonly file: LogFile;
} {
  const place = join(folder, name);
  mkdirSync(place);
  const path = join(place, 'x.log');
  const said: string[] = [];
  const file = LogFile.open(path, { complaint: new Complaint((text) => said.push(text)) });
  renameSync(place, `${place}.1`);
  file.reopen();
  return { place, path, said, file };
}

test('where the path cannot be opened anew, the old file stays in use and one says so', () => {
  const { place, said, file } = fileMovedAway('gone');
  file.write('kept\n');
  file.close();
  assert.equal(read(join(`${place}.1`, 'x.log')), 'kept\n');
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /^open\(\) ".*x\.log" failed \(2: No such file or directory\)$/);
});

test('a path that could not be opened anew is tried again with the next lines', async () => {
  const { place, path, said, file } = fileMovedAway('away');
  file.write('kept\n');
  file.flush();
  mkdirSync(place);
  const batch = `${'x'.repeat(70_000)}\n`;
  file.write(batch);
  assert.equal(await grown(path, batch.length), batch);
  file.write('after\n');
  file.close();
  assert.equal(read(join(`${place}.1`, 'x.log')), 'kept\n');
  assert.equal(read(path), `${batch}after\n`);
  assert.equal(said.length, 1);
});

test('a full disk drops, counts and complains once, and never throws', async () => {
  const said: string[] = [];
  const complaint = new Complaint((text) => said.push(text));
  const file = LogFile.open('/dev/full', { complaint, timer: new FlushTimer(1) });
  file.write('sync\n');
  file.flush();
  assert.equal(file.dropped, 1);
  file.write('async\n');
  while (file.dropped < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  file.close();
  assert.equal(said.length, 1);
  assert.match(
    said[0] ?? '',
    /^write\(\) to "\/dev\/full" failed \(28: No space left on device\), 1 lines dropped so far$/,
  );
});

test('no more is gathered than the limit while a disk is stuck', () => {
  const path = freshPath();
  const complaint = new Complaint(() => {});
  const file = LogFile.open(path, { limit: 10, complaint, timer: new FlushTimer(1_000_000) });
  file.write('12345678\n');
  file.write('too much\n');
  assert.equal(file.dropped, 1);
  file.close();
  assert.equal(read(path), '12345678\n');
  file.write('late\n');
  assert.equal(file.dropped, 2);
});

test('a new file is readable by all and writable by its owner only, umask aside', () => {
  const path = freshPath();
  LogFile.open(path).close();
  chmodSync(path, 0o600);
  const file = LogFile.open(path);
  file.write('x\n');
  file.close();
  assert.equal(read(path), 'x\n');
});

test('lines of several threads do not mix', async () => {
  const path = freshPath();
  const source = `
    import { workerData } from 'node:worker_threads';
    const { LogFile } = await import(workerData.module);
    const file = LogFile.open(workerData.path);
    for (let i = 0; i < 3000; i += 1) {
      file.write(workerData.letter.repeat(100) + '\\n');
      if (i % 700 === 0) await new Promise(setImmediate);
    }
    file.close();
  `;
  const module = new URL('./log-file.ts', import.meta.url).href;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const finished = ['a', 'b', 'c'].map((letter) => {
    const worker = new Worker(url, { workerData: { module, path, letter } });
    return new Promise((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', resolve);
    });
  });
  await Promise.all(finished);
  const lines = read(path).trimEnd().split('\n');
  assert.equal(lines.length, 9000);
  assert.ok(lines.every((line) => /^(a{100}|b{100}|c{100})$/.test(line)));
});

test('one path is one file until its last user has released it', () => {
  const files = new LogFiles();
  const path = freshPath();
  const first = files.acquire(path);
  assert.equal(files.acquire(path), first);
  first.write('x\n');
  files.release(first);
  assert.equal(read(path), '');
  files.flushAll();
  assert.equal(read(path), 'x\n');
  first.write('y\n');
  files.release(first);
  assert.equal(read(path), 'x\ny\n');
  const second = files.acquire(path);
  assert.notEqual(second, first);
  files.release(first);
  second.write('z\n');
  renameSync(path, `${path}.1`);
  files.reopenAll();
  files.release(second);
  assert.equal(read(`${path}.1`), 'x\ny\nz\n');
  assert.equal(read(path), '');
});
