// The check of the demo must notice a proxy that does not do what it has to.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { cases } from './cases.ts';
import { checkAll } from './self-check.ts';
import type { Running } from './self-check.ts';

const startLine = '2026/01/01 00:00:00 [warn] 1#1: the hop is not verified\n';

async function serve(t: TestContext, listener: RequestListener): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const errorLogFile = join(folder, 'error.log');
  writeFileSync(errorLogFile, startLine);
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, errorLogFile };
}

test('a proxy that lets everybody through fails the check', async (t) => {
  const running = await serve(t, (_, response) => {
    response.end('served by: impostor\nsession: new\n');
  });
  const outcomes = await checkAll(running);
  const passed = outcomes.filter(({ problem }) => problem === null).map((one) => one.wanted.path);
  assert.deepEqual(passed, ['/unverified']);
  assert.equal(outcomes.length, cases.length);
});

test('a proxy that never resumes a session fails the check', async (t) => {
  const running = await serve(t, (request, response) => {
    if (request.url !== '/') response.statusCode = 404;
    response.end('served by: backend 1\nsession: new\n');
  });
  const problems = (await checkAll(running)).map(({ problem }) => problem);
  assert.deepEqual(problems.slice(0, 4), [
    null,
    null,
    'session new instead of resumed',
    'session new instead of resumed',
  ]);
});
