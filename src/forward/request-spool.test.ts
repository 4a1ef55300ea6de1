// A request body at rest: the same bytes come back from wherever they are - memory, the file, or on
// their way into it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { headRoom } from './body-blocks.ts';
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
    assert.equal(spool.inMemory, expected.length <= 1000);
    spool.close();
    spool.close();
  });
}

test('a head and the body behind it are in one piece, anew for each head', () => {
  const spool = new RequestSpool(storage({ memoryLimit: 100_000 }));
  const parts = [5000, 30_000, 7, 30_000].map((size) => randomBytes(size));
  for (const part of parts) spool.append(part);
  const body = Buffer.concat(parts);
  const heads = [
    'POST / HTTP/1.1\r\n\r\n',
    'PUT /caf\u00e9 HTTP/1.1\r\n\r\n',
    '',
    'x'.repeat(headRoom),
  ];
  for (const head of heads) {
    const expected = Buffer.concat([Buffer.from(head, 'latin1'), body]);
    assert.ok(spool.precededBy(head)?.equals(expected), `${head.length} bytes of head`);
  }
  assert.equal(spool.precededBy('x'.repeat(headRoom + 1)), null, 'a longer head');
  assert.ok(Buffer.concat(spool.parts()).equals(body), 'the body is as it was');
  spool.close();
});

const scattered: readonly (readonly [string, readonly number[], number])[] = [
  ['one that is small', [4000], 100_000],
  ['one that began with a small part', [100, 5000], 100_000],
  ['one of several blocks', [65_536, 1], 100_000],
  ['one in a file', [5000], 1000],
];

for (const [name, parts, memoryLimit] of scattered) {
  test(`there is no such piece of a body, but all of its bytes: ${name}`, () => {
    const spool = new RequestSpool(storage({ memoryLimit }));
    const chunks = parts.map((size) => randomBytes(size));
    for (const chunk of chunks) spool.append(chunk);
    assert.equal(spool.precededBy('GET'), null);
    assert.ok(readAll(spool).equals(Buffer.concat(chunks)));
    if (spool.inMemory) assert.ok(Buffer.concat(spool.parts()).equals(Buffer.concat(chunks)));
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
