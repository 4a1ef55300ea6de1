import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { bindUnixSocket } from './unix-socket.ts';

const folder = mkdtempSync(join(tmpdir(), 'unix-socket-'));
after(() => rmSync(folder, { recursive: true }));

test('everybody may connect to a new socket', async () => {
  const path = join(folder, 'new');
  const socket = await bindUnixSocket(path);
  assert.equal(statSync(path).mode & 0o777, 0o666);
  socket.close();
});

test('a socket that a crashed process left behind is replaced', async () => {
  const path = join(folder, 'stale');
  const crash = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.abort())`;
  spawnSync(process.execPath, ['-e', crash], { stdio: 'ignore' });
  assert.ok(statSync(path).isSocket());
  (await bindUnixSocket(path)).close();
});

test('a socket that somebody listens on is refused', async () => {
  const path = join(folder, 'live');
  const server = createServer().listen(path);
  await once(server, 'listening');
  await assert.rejects(bindUnixSocket(path), {
    code: 'LISTEN_FAILED',
    message: `bind() to unix:${path} failed (98: Address already in use)`,
  });
  server.close();
});

test('a file that is no socket is left alone', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'precious');
  await assert.rejects(bindUnixSocket(path), { code: 'LISTEN_FAILED' });
  assert.equal(readFileSync(path, 'utf8'), 'precious');
});
