// The life of one plain upstream connection over real sockets.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Peer } from './peer.ts';
import { Origin, Recorder, connected, openPlain } from './sockets.test-kit.ts';

test('a refused connection is an error with the words of nginx', async () => {
  const origin = await Origin.start();
  const target = origin.target();
  await origin.stop();
  const user = new Recorder();
  const failed = user.next('error');
  const connection = openPlain(target, user);
  await failed;
  assert.equal(user.error?.code, 'UPSTREAM_CONNECT_FAILED');
  assert.equal(user.error?.message, 'connect() failed (111: Connection refused)');
  assert.equal(connection.closed, true);
  assert.deepEqual(user.events, ['error']);
});

test('a reset of an open connection is UPSTREAM_RESET with the words of nginx', async () => {
  const origin = await Origin.start((socket) => {
    socket.on('data', () => socket.resetAndDestroy());
  });
  const user = new Recorder();
  const connection = await connected(origin.target(), user);
  const failed = user.next('error');
  connection.write('GET / HTTP/1.1\r\n\r\n');
  await failed;
  assert.equal(user.error?.code, 'UPSTREAM_RESET');
  assert.equal(user.error?.message, 'recv() failed (104: Connection reset by peer)');
  await origin.stop();
});

test('text and buffers go out, data comes in, and both are counted', async () => {
  const origin = await Origin.start((socket) => socket.pipe(socket));
  const user = new Recorder();
  const connection = await connected(origin.target(), user);
  connection.cork();
  connection.write('caf\u00e9 ');
  connection.write(Buffer.from('au lait'));
  connection.uncork();
  while (user.text.length < 12) await user.next('data');
  assert.equal(user.text, 'caf\u00e9 au lait');
  assert.equal(connection.bytesSent, 12);
  assert.equal(connection.bytesReceived, 12);
  connection.destroy();
  await origin.stop();
});

test('a unix socket is connected to by its path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-upstream-'));
  const path = join(folder, 'origin.sock');
  const server = createServer((socket) => socket.end('hello'));
  server.listen(path);
  await once(server, 'listening');
  const address = { kind: 'unix', path } as const;
  const peer = new Peer({ address, hostName: 'unix' });
  const user = new Recorder();
  const ended = user.next('end');
  const connection = openPlain({ key: 'u', address, tls: null, peer }, user);
  await ended;
  assert.equal(peer.name, `unix:${path}`);
  assert.equal(user.text, 'hello');
  connection.destroy();
  server.close();
  await once(server, 'close');
  await rm(folder, { recursive: true });
});

test('the end of the server is told once and leaves the closing to the user', async () => {
  const origin = await Origin.start((socket) => socket.end('bye'));
  const user = new Recorder();
  const ended = user.next('end');
  const connection = openPlain(origin.target(), user);
  await ended;
  assert.equal(connection.closed, false);
  assert.equal(connection.reusable, false);
  connection.destroy();
  await origin.stop();
  assert.deepEqual(user.events, ['connected', 'data', 'end']);
});

test('after destroy no callback comes', async () => {
  const origin = await Origin.start((socket) => socket.write('unasked'));
  const user = new Recorder();
  const connection = await connected(origin.target(), user);
  connection.destroy();
  await origin.stop();
  assert.equal(user.events.includes('end') || user.events.includes('error'), false);
});

test('a user that returns false gets the rest after resume', async () => {
  const size = 4 * 1024 * 1024;
  const origin = await Origin.start((socket) => socket.end(Buffer.alloc(size, 'x')));
  const user = new Recorder();
  const ended = user.next('end');
  user.onRead = () => false;
  const first = user.next('data');
  const connection = openPlain(origin.target(), user);
  await first;
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  assert.ok(connection.bytesReceived <= 65_536, 'it went on reading while paused');
  user.onRead = () => true;
  connection.resume();
  await ended;
  assert.equal(connection.bytesReceived, size);
  connection.destroy();
  await origin.stop();
});

test('a whole request of bytes or text goes out at once, and counts', async () => {
  const origin = await Origin.start((socket) => socket.pipe(socket));
  const user = new Recorder();
  const connection = await connected(origin.target(), user);
  assert.equal(connection.writeMessage(Buffer.from('au lait ')), true);
  assert.equal(connection.writeMessage('caf\u00e9'), true);
  assert.equal(connection.writableLength, 0);
  while (user.text.length < 12) await user.next('data');
  assert.equal(user.text, 'au lait caf\u00e9');
  assert.equal(connection.bytesSent, 12);
  assert.equal(user.events.includes('drain'), false);
  connection.destroy();
  await origin.stop();
});

test('a whole request that does not fit says so, is not reusable, and onDrain follows', async () => {
  const origin = await Origin.start((socket) => socket.pause());
  const user = new Recorder();
  const connection = await connected(origin.target(), user);
  const drained = user.next('drain');
  const chunk = Buffer.alloc(8 * 1024 * 1024);
  assert.equal(connection.writeMessage(chunk), false);
  assert.ok(connection.writableLength > 0);
  assert.equal(connection.reusable, false);
  origin.sockets[0]?.resume();
  await drained;
  assert.equal(connection.writableLength, 0);
  assert.equal(connection.reusable, true);
  connection.destroy();
  await origin.stop();
});

test('over TLS a small request is taken to have left, unless its memory is still in the queue', async () => {
  const origin = await Origin.start((socket) => socket.pause());
  const connection = await connected(origin.target('tls', 'policy'));
  const small = 'x'.repeat(4096);
  while (connection.writableLength === 0) connection.writeMessage(small);
  assert.equal(connection.reusable, true);
  connection.writeMessage('text is immutable');
  assert.equal(connection.reusable, true);
  connection.writeMessage(Buffer.from('bytes are not'));
  assert.equal(connection.reusable, false);
  connection.destroy();
  await origin.stop();
});

test('a write that does not fit says so and onDrain follows', async () => {
  const origin = await Origin.start((socket) => socket.pause());
  const user = new Recorder();
  const connection = await connected(origin.target(), user);
  const drained = user.next('drain');
  const chunk = Buffer.alloc(1024 * 1024);
  while (connection.write(chunk));
  assert.ok(connection.writableLength > 0);
  origin.sockets[0]?.resume();
  await drained;
  connection.destroy();
  await origin.stop();
});
