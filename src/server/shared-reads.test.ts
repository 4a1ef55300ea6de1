import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { keepBytes, sharedReads, shareReads } from './shared-reads.ts';

let server: Server;
const arrivals: Socket[] = [];
const texts: string[] = [];

before(async () => {
  server = createServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
    const shared = shareReads(raw, (bytes) => {
      texts.push(sharedReads.toString('latin1', 0, bytes));
    });
    arrivals.push(raw);
    assert.ok(shared, 'this Node.js can do it');
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

test('the server counts a connection until it is closed', async () => {
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

test('a socket that has no handle stays as it is', () => {
  assert.equal(
    shareReads(new Socket(), () => undefined),
    false,
  );
});

test('a socket to which bytes have come stays as it is', async () => {
  const before = server.listeners('connection');
  server.removeAllListeners('connection');
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [raw] = (await accepted) as [Socket];
  client.write('early');
  await once(raw, 'readable');
  assert.equal(
    shareReads(raw, () => undefined),
    false,
  );
  assert.equal(String(raw.read()), 'early');
  client.destroy();
  raw.destroy();
  for (const listener of before) server.on('connection', listener as (socket: Socket) => void);
});

test('bytes to keep are copied out of the shared buffer only', () => {
  sharedReads.write('shared', 'latin1');
  const kept = keepBytes(sharedReads.subarray(0, 6));
  sharedReads.fill(0);
  assert.equal(String(kept), 'shared');
  const own = Buffer.from('own');
  assert.equal(keepBytes(own), own);
});
