// The overflow of a response: everything comes out once and in order, whatever the file system does;
// a disk that fails makes it slower, never wrong.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ReadBufferPool } from '../upstream/read-buffers.ts';
import { ResponseOverflow, type OverflowOwner } from './response-overflow.ts';

const root = fs.mkdtempSync(path.join(tmpdir(), 'overflow-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));
afterEach(() => mock.restoreAll());

const writev = fs.writev;
type Written = (error: Error | null, bytes: number) => void;
type Writev = (file: number, parts: Buffer[], position: number, done: Written) => void;

/** Lets `fake` do what fs.writev does. */
function replaceWritev(fake: Writev): void {
  mock.method(fs, 'writev', fake as unknown as typeof fs.writev);
}

const realWritev = writev as unknown as Writev;

/** The thread pool takes its time on a busy machine. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, 'it did not come');
    await turn();
  }
}

class Owner implements OverflowOwner {
  readonly overflow: ResponseOverflow;
  readonly got: Buffer[] = [];
  empty = 0;
  room = 0;
  broken: Error[] = [];
  lost: Error[] = [];
  /** Asks for the next bytes as soon as there are some. */
  eager = false;

  constructor(maxBytes = 10_000_000, folder = root) {
    const settings = {
      folder: { path: folder, levels: [] },
      maxBytes,
      writeBytes: 8192,
      busyBytes: 8192,
    };
    this.overflow = new ResponseOverflow(settings, new ReadBufferPool(), this);
  }

  onOverflowData(chunk: Buffer, done: () => void): void {
    this.got.push(Buffer.from(chunk));
    done();
    if (this.eager) this.overflow.next();
  }

  onOverflowEmpty(): void {
    this.empty += 1;
  }

  onOverflowRoom(): void {
    this.room += 1;
  }

  onOverflowBroken(error: Error): void {
    this.broken.push(error);
  }

  onOverflowLost(error: Error): void {
    this.lost.push(error);
  }

  async drain(): Promise<Buffer> {
    this.eager = true;
    const before = this.empty;
    this.overflow.next();
    while (this.empty === before && this.lost.length === 0) await turn();
    this.eager = false;
    return Buffer.concat(this.got.splice(0));
  }
}

let freed = 0;
const done = (): void => {
  freed += 1;
};

function fill(owner: Owner, sizes: readonly number[]): Buffer {
  const chunks = sizes.map((size) => randomBytes(size));
  for (const chunk of chunks) owner.overflow.append(Buffer.from(chunk), done);
  return Buffer.concat(chunks);
}

test('what goes in comes out, again and again', async () => {
  const owner = new Owner();
  for (const sizes of [
    [5],
    [65_536, 1, 16_384],
    Array.from({ length: 70 }, (_, i) => i * 500 + 1),
  ]) {
    freed = 0;
    const expected = fill(owner, sizes);
    assert.ok((await owner.drain()).equals(expected));
    assert.equal(freed, sizes.length, 'every buffer was given back');
  }
  owner.overflow.close();
});

test('it is read while more comes', async () => {
  const owner = new Owner();
  const expected: Buffer[] = [];
  owner.eager = true;
  for (let i = 0; i < 30; i += 1) {
    expected.push(fill(owner, [20_000, 3]));
    owner.overflow.next();
    if (i % 3 === 0) await turn();
  }
  const rest = await owner.drain();
  assert.ok(rest.equals(Buffer.concat(expected)));
  owner.overflow.close();
});

test('the source waits while the file is at its limit, and for a slow disk', async () => {
  const waiting: (() => void)[] = [];
  replaceWritev((file, parts, position, then) => {
    waiting.push(() => realWritev(file, parts, position, then));
  });
  const owner = new Owner(200_000);
  freed = 0;
  const chunk = Buffer.alloc(50_000);
  assert.equal(owner.overflow.append(chunk, done), true);
  assert.equal(owner.overflow.append(chunk, done), false, 'nothing has been written yet');
  while (freed < 2) {
    waiting.shift()?.();
    await turn();
  }
  assert.ok(owner.room > 0);
  assert.equal(owner.overflow.append(chunk, done), true);
  mock.restoreAll();
  waiting.shift()?.();
  assert.equal(owner.overflow.append(chunk, done), false, 'the file is full');
  assert.equal((await owner.drain()).length, 200_000);
  owner.overflow.close();
});

for (const [name, writtenBefore] of [
  ['at once', 0],
  ['after some has been written', 70_000],
] as const) {
  test(`a disk that is full ${name} loses nothing`, async () => {
    let left = writtenBefore;
    replaceWritev((file, parts, position, then) => {
      const all = Buffer.concat(parts);
      const part = all.subarray(0, left);
      left -= part.length;
      if (part.length > 0) realWritev(file, [part], position, then);
      else setImmediate(then, new Error('ENOSPC: no space left on device'), 0);
    });
    const owner = new Owner();
    freed = 0;
    const expected = fill(owner, [30_000, 30_000, 30_000, 10]);
    await until(() => owner.broken.length === 1);
    assert.equal(owner.overflow.broken, true);
    assert.equal(owner.overflow.append(Buffer.from('more'), done), false, 'the source is to wait');
    assert.ok((await owner.drain()).equals(Buffer.concat([expected, Buffer.from('more')])));
    assert.equal(freed, 5);
    assert.equal(owner.broken.length, 1, 'it is told once');
    owner.overflow.close();
  });
}

test('a folder that cannot be made leaves everything in memory', async () => {
  const owner = new Owner(10_000_000, '/proc/no/folder');
  const expected = fill(owner, [100, 200]);
  assert.equal(owner.broken.length, 1);
  assert.ok((await owner.drain()).equals(expected));
});

test('a file that has become shorter is noticed', async () => {
  const owner = new Owner();
  freed = 0;
  fill(owner, [1000]);
  await until(() => freed === 1);
  mock.method(fs, 'read', ((...args: unknown[]) => {
    setImmediate(args.at(-1) as Written, null, 0);
  }) as unknown as typeof fs.read);
  await owner.drain();
  assert.equal(owner.lost.length, 1);
  owner.overflow.close();
});

test('nothing is called after the end, and buffers come back', async () => {
  const owner = new Owner();
  freed = 0;
  fill(owner, [1000, 2000]);
  owner.overflow.next();
  owner.overflow.close();
  owner.overflow.append(Buffer.from('late'), done);
  await until(() => freed === 3);
  assert.deepEqual([owner.got.length, owner.empty, owner.room], [0, 0, 0]);
});
