// A request body at rest: the same bytes come back from wherever they are - memory, the file, or on
// their way into it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RequestSpool, type BodyStorage } from './request-spool.ts';

const root = mkdtempSync(path.join(tmpdir(), 'spool-'));
after(() => rmSync(root, { recursive: true, force: true }));

function storage(given: Partial<BodyStorage> = {}): BodyStorage {
  const folder = { path: path.join(root, 'bodies'), levels: [1, 2] };
  return { memoryLimit: 1000, folder, inFileOnly: 'off', ...given };
}

function readAll(spool: RequestSpool): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < spool.length;) {
    const part = spool.read(at);
    assert.ok(part.length > 0, `nothing at ${at} of ${spool.length}`);
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts);
}

const sizes: readonly (readonly [string, readonly number[]])[] = [
  ['in memory', [400, 600]],
  ['just too large for memory', [400, 600, 1]],
  ['in small parts', Array.from({ length: 300 }, () => 777)],
  ['more than may wait for the disk', Array.from({ length: 40 }, () => 65_536)],
  ['one large part', [3_000_000]],
];

for (const [name, parts] of sizes) {
  test(`what was appended is read: ${name}`, async () => {
    const spool = new RequestSpool(storage());
    const chunks = parts.map((size) => randomBytes(size));
    const expected = Buffer.concat(chunks);
    for (const chunk of chunks) spool.append(chunk);
    assert.equal(spool.length, expected.length);
    assert.ok(readAll(spool).equals(expected), 'at once');
    await turn();
    assert.ok(readAll(spool).equals(expected), 'while it is written');
    for (let i = 0; i < 50; i += 1) await turn();
    assert.ok(readAll(spool).equals(expected), 'from the file');
    assert.equal(spool.inMemory === null, expected.length > 1000);
    spool.close();
    spool.close();
  });
}

test('files have no name, in subfolders that are made', () => {
  const spool = new RequestSpool(storage());
  spool.append(Buffer.alloc(2000));
  const found = readdirSync(path.join(root, 'bodies'), { recursive: true, withFileTypes: true });
  assert.deepEqual(
    found.filter((one) => !one.isDirectory()).map((one) => one.name),
    [],
  );
  assert.ok(found.some((one) => /^\d$/.test(one.name)));
  assert.ok(found.some((one) => /^\d\d$/.test(one.name)));
  spool.close();
});

for (const inFileOnly of ['clean', 'on'] as const) {
  test(`client_body_in_file_only ${inFileOnly}: the file has a name`, () => {
    const spool = new RequestSpool(storage({ inFileOnly }));
    for (const text of ['a', 'bc', 'def']) spool.append(Buffer.from(text));
    const name = spool.fileName ?? '';
    assert.equal(readFileSync(name, 'utf8'), 'abcdef');
    assert.equal(statSync(name).mode & 0o007, 0);
    spool.close();
    assert.equal(existsSync(name), inFileOnly === 'on');
  });
}

test('a folder that cannot be made is an error', () => {
  const spool = new RequestSpool(storage({ folder: { path: '/proc/no/folder', levels: [] } }));
  assert.throws(() => spool.append(Buffer.alloc(2000)), /ENOENT|EACCES|EPERM/);
  spool.close();
});
