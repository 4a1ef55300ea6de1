// One read buffer shared by many sockets: no byte of one may ever show up in another, neither in
// what is read at once nor in what is kept.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import {
  connect as connectTls,
  createServer as createTlsServer,
  type ConnectionOptions,
} from 'node:tls';
import type { SallyportError } from '../base/errors.ts';
import type { UpstreamTlsTarget } from '../tls/upstream-connect.ts';
import type { ConnectTarget } from './connect-target.ts';
import { UpstreamConnection, type ConnectionUser } from './connection.ts';
import { ConnectionReader } from './connection-reader.ts';
import { Peer } from './peer.ts';
import { means, openPlain } from './sockets.test-kit.ts';
import { ReadBufferPool, plainReadSize, tlsReadSize } from './read-buffers.ts';

test('small reads stay in the shared buffer, which is never given away', () => {
  const buffers = new ReadBufferPool();
  const reader = new ConnectionReader(buffers, plainReadSize);
  assert.equal(reader.next(true), buffers.shared);
  buffers.shared.write('answer');
  assert.equal(reader.begin(6), buffers.shared);
  const kept = reader.keep(0, 6);
  buffers.shared.write('xxxxxx');
  assert.equal(kept.toString(), 'answer');
  assert.equal(reader.next(true), buffers.shared);
});

test('a large body is read into a private buffer that can be kept without a copy', () => {
  const buffers = new ReadBufferPool();
  const reader = new ConnectionReader(buffers, tlsReadSize);
  reader.begin(tlsReadSize);
  const own = reader.next(true);
  assert.notEqual(own, buffers.shared);
  assert.equal(own.length, tlsReadSize);
  assert.equal(reader.begin(tlsReadSize), own);
  assert.equal(reader.next(true), own, 'not kept: read into it again');
  reader.begin(tlsReadSize);
  const kept = reader.keep(10, 20);
  assert.equal(kept.buffer, own.buffer);
  const other = reader.next(true);
  assert.notEqual(other.buffer, own.buffer);
  buffers.release(kept);
  assert.equal(buffers.free, 1);
});

test('a connection that becomes idle holds nothing but the shared buffer', () => {
  const buffers = new ReadBufferPool();
  const reader = new ConnectionReader(buffers, plainReadSize);
  reader.begin(plainReadSize);
  reader.next(true);
  reader.begin(plainReadSize);
  assert.equal(reader.next(false), buffers.shared);
  assert.equal(buffers.free, 1);
});

test('a buffer given back twice, or never lent, does not enter the free list', () => {
  const buffers = new ReadBufferPool();
  const lent = buffers.take(plainReadSize);
  buffers.release(lent);
  buffers.release(lent);
  buffers.release(buffers.shared);
  buffers.release(Buffer.alloc(plainReadSize));
  assert.equal(buffers.free, 1);
});

test('the free list is capped', () => {
  const buffers = new ReadBufferPool(2);
  const lent = [1, 2, 3, 4].map(() => buffers.take(tlsReadSize));
  for (const buffer of lent) buffers.release(buffer);
  assert.equal(buffers.free, 2);
});

/** The byte at `offset` of stream `id`: any mix-up of streams or offsets shows. */
function byteAt(id: number, offset: number): number {
  return (id * 31 + offset * 7 + (offset >> 8) * 13) & 255;
}

const streamSizes = [100, 5000, 16_384, 40_000, 300_000, 1_000_000];

function streamSize(id: number): number {
  return streamSizes[id % streamSizes.length] ?? 0;
}

/** Answers a one-byte id with that stream, in writes of several sizes. */
function serveStream(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('data', (request: Buffer) => {
    const id = request[0] ?? 0;
    const body = Buffer.alloc(streamSize(id));
    for (let i = 0; i < body.length; i += 1) body[i] = byteAt(id, i);
    const step = 1000 + id * 997;
    for (let at = 0; at < body.length; at += step) socket.write(body.subarray(at, at + step));
  });
}

/** Checks each byte of its stream: some reads at once, others kept and checked later. */
class Checker implements ConnectionUser {
  readonly id: number;
  wrong = 0;
  kept = 0;
  error: SallyportError | null = null;
  readonly #done: () => void;
  #offset = 0;
  #checked = 0;
  #connection: UpstreamConnection | null = null;

  constructor(id: number, done: () => void) {
    this.id = id;
    this.#done = done;
  }

  onConnected(connection: UpstreamConnection): void {
    this.#connection = connection;
    connection.write(Buffer.of(this.id));
  }

  onData(buffer: Buffer, bytes: number): boolean {
    const connection = this.#connection;
    const offset = this.#offset;
    this.#offset += bytes;
    const turn = (this.id + offset) % 3;
    if (turn === 0 || connection === null) {
      this.#check(buffer.subarray(0, bytes), offset);
      return true;
    }
    this.kept += 1;
    const kept = connection.keep(0, bytes);
    setTimeout(() => {
      this.#check(kept, offset);
      connection.release(kept);
      if (turn === 2) connection.resume();
    }, this.id % 4);
    return turn === 1;
  }

  onEnd(): void {}
  onTimeout(): void {}

  onDrain(): void {}

  onError(error: SallyportError): void {
    this.error = error;
    this.#done();
  }

  #check(bytes: Buffer, offset: number): void {
    for (let i = 0; i < bytes.length; i += 1) {
      if (bytes[i] !== byteAt(this.id, offset + i)) this.wrong += 1;
    }
    this.#checked += bytes.length;
    if (this.#checked === streamSize(this.id)) this.#done();
  }
}

// A pre-shared key: the data path of TLS without any certificate.
const psk = Buffer.alloc(16, 7);
const tlsOptions = { ciphers: 'PSK', ALPNProtocols: ['x'] };

function openTls(target: ConnectTarget, user: ConnectionUser, buffers: ReadBufferPool) {
  return new UpstreamConnection(target, user, means(buffers), (connection, reads) => {
    const { address } = target;
    const options: ConnectionOptions & { onread: typeof reads } = {
      ...tlsOptions,
      port: address.kind === 'ip' ? address.port : 0,
      host: '127.0.0.1',
      pskCallback: () => ({ psk, identity: 'test' }),
      checkServerIdentity: () => undefined,
      onread: reads,
    };
    const socket = connectTls(options);
    socket.on('error', () => {});
    socket.on('secureConnect', () => connection.establish(null));
    return socket;
  });
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('200 plain and TLS connections share the buffer without mixing a byte', async () => {
  const plainServer = createServer(serveStream);
  const tlsServer = createTlsServer({ ...tlsOptions, pskCallback: () => psk }, serveStream);
  const ports = [await listen(plainServer), await listen(tlsServer)];
  const buffers = new ReadBufferPool(8);
  const checkers: Checker[] = [];
  const connections: UpstreamConnection[] = [];
  const finished: Promise<void>[] = [];
  for (let id = 0; id < 200; id += 1) {
    const tls = id % 2 === 1;
    const address = { kind: 'ip', host: '127.0.0.1', port: ports[id % 2] ?? 0 } as const;
    const peer = new Peer({ address, hostName: 'origin.test' });
    // The opener of this test makes the socket; only that there is a TLS part matters here.
    const part = tls ? ({ policy: { baseKey: 'psk' } } as UpstreamTlsTarget) : null;
    const target: ConnectTarget = { key: String(id), address, tls: part, peer };
    finished.push(
      new Promise((resolve) => {
        const checker = new Checker(id, resolve);
        checkers.push(checker);
        connections.push((tls ? openTls : openPlain)(target, checker, buffers));
      }),
    );
  }
  await Promise.all(finished);
  for (const connection of connections) connection.destroy();
  plainServer.close();
  tlsServer.close();
  for (const checker of checkers) {
    assert.equal(checker.error, null, `stream ${checker.id}`);
    assert.equal(checker.wrong, 0, `stream ${checker.id} has foreign bytes`);
  }
  assert.ok(checkers.some((checker) => checker.kept > 0));
  assert.ok(buffers.free > 0, 'no private buffer was ever used');
});
