import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { DirectWriter } from './direct-write.ts';

async function pair(t: TestContext): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ noDelay: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  await once(near, 'connect');
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

async function textOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await once(socket, 'end');
  return Buffer.concat(chunks).toString('latin1');
}

test('a small message leaves at once, one character for each byte', async (t) => {
  const { near, far } = await pair(t);
  const writer = new DirectWriter(near);
  assert.equal(writer.write('caf\u00e9'), true);
  assert.equal(writer.pending, 0);
  assert.equal(near.writableLength, 0);
  near.end();
  assert.equal(await textOf(far), 'caf\u00e9');
});

test('what the kernel does not take at once keeps its order, and leaves before the end', async (t) => {
  const { near, far } = await pair(t);
  const writer = new DirectWriter(near);
  const message = '0123456789'.repeat(100_000);
  let sent = '';
  for (let i = 0; i < 100 && writer.pending === 0; i += 1) {
    assert.equal(writer.write(message), true);
    sent += message;
  }
  assert.ok(writer.pending > 0, 'the kernel is full');
  assert.equal(writer.write('not now'), false);
  near.write('after it');
  near.end('and at last');
  assert.equal(await textOf(far), `${sent}after itand at last`);
  assert.equal(writer.pending, 0);
});

test('it says when the kernel has taken what it did not take at once, and only then', async (t) => {
  const { near, far } = await pair(t);
  let drained = 0;
  const writer = new DirectWriter(near, () => (drained += 1));
  const message = Buffer.alloc(1_000_000, 'x');
  let written = 0;
  while (writer.pending === 0) {
    assert.equal(drained, 0);
    assert.equal(writer.write(message), true);
    written += message.length;
  }
  let read = 0;
  far.on('data', (chunk: Buffer) => (read += chunk.length));
  far.resume();
  while (read < written) await once(far, 'data');
  assert.equal(drained, 1);
  assert.equal(writer.pending, 0);
});

test('it does not overtake what the stream has queued, or holds back', async (t) => {
  const { near } = await pair(t);
  const writer = new DirectWriter(near);
  near.cork();
  assert.equal(writer.write('early'), false);
  near.uncork();
  near.write(Buffer.alloc(50_000_000));
  assert.equal(writer.write('early'), false);
  near.end();
  assert.equal(writer.write('late'), false);
});

test('a failure destroys the socket and is its error', async (t) => {
  const { near, far } = await pair(t);
  const writer = new DirectWriter(near);
  const failed = once(near, 'error') as Promise<[NodeJS.ErrnoException]>;
  far.resetAndDestroy();
  let tries = 0;
  const more = setInterval(() => {
    tries += 1;
    writer.write(`again ${tries}`);
  }, 1);
  const [error] = await failed;
  clearInterval(more);
  assert.match(error.code ?? '', /^(EPIPE|ECONNRESET)$/);
  assert.equal(near.destroyed, true);
});
