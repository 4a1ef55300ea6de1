import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { keepBytes, moveToSharedReads, sharedReads } from './shared-reads.ts';

let server: Server;
const arrivals: Socket[] = [];
const texts: string[] = [];

before(async () => {
  server = createServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
    const moved = moveToSharedReads(raw, (bytes) => {
      texts.push(sharedReads.toString('latin1', 0, bytes));
    });
    arrivals.push(moved ?? raw);
    assert.notEqual(moved, null, 'this Node.js can do it');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(() => {
  server.close();
});

async function open(): Promise<{ client: Socket; socket: Socket }> {
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await accepted;
  return { client, socket: arrivals.at(-1) as Socket };
}

async function received(count: number): Promise<void> {
  while (texts.length < count) await new Promise((resolve) => setImmediate(resolve));
}

test('what clients send comes through one buffer, and answers go back', async () => {
  texts.length = 0;
  const first = await open();
  const second = await open();
  first.client.write('one');
  await received(1);
  second.client.write('two');
  await received(2);
  assert.deepEqual(texts, ['one', 'two']);
  first.socket.end('answer to one');
  const [answer] = (await once(first.client, 'data')) as [Buffer];
  assert.equal(String(answer), 'answer to one');
  for (const { client, socket } of [first, second]) {
    const closed = once(socket, 'close');
    client.destroy();
    socket.destroy();
    await closed;
  }
});

test('a paused socket is not read, and its end comes after its bytes', async () => {
  texts.length = 0;
  const { client, socket } = await open();
  socket.pause();
  client.end('late');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(texts, []);
  const ended = once(socket, 'end');
  socket.resume();
  await ended;
  assert.deepEqual(texts, ['late']);
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
});

test('the server counts a moved connection until it is closed', async () => {
  const { client, socket } = await open();
  const count = (): Promise<number> =>
    new Promise((resolve, reject) => {
      server.getConnections((error, found) => (error === null ? resolve(found) : reject(error)));
    });
  assert.equal(await count(), 1);
  const closed = once(socket, 'close');
  client.destroy();
  socket.destroy();
  await closed;
  assert.equal(await count(), 0);
});

test('a socket that no server accepted stays as it is', () => {
  const socket = connect({ port: 1, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  assert.equal(
    moveToSharedReads(socket, () => undefined),
    null,
  );
  socket.destroy();
});

test('bytes to keep are copied out of the shared buffer only', () => {
  sharedReads.write('shared', 'latin1');
  const kept = keepBytes(sharedReads.subarray(0, 6));
  sharedReads.fill(0);
  assert.equal(String(kept), 'shared');
  const own = Buffer.from('own');
  assert.equal(keepBytes(own), own);
});
