// Response bodies on their way through: exactly the bytes that the server sent, whatever their size
// and framing, over plain and TLS connections; at the pace of the slower side, without filling the
// memory; and released at once when the client is gone.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './kit/eventually.ts';
import { floodBytes, kernelBytes, proxyBytes } from './kit/kernel-buffers.ts';
import { testPki } from './kit/pki.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import type { Target } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { startProxy } from './kit/sallyport.ts';

const pki = await testPki();
const scope = { after };
const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

// ---- the server: what it sends stands in the target as /…/framing/size

const largest = Buffer.alloc(floodBytes, randomBytes(1_000_003));

const pieces = [1, 3, 70_000, 4096, 16_384, 65_536, 9];

function inChunks(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, i = 0; at < body.length; i += 1) {
    const piece = body.subarray(at, at + (pieces[i % pieces.length] ?? 1));
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    at += piece.length;
  }
  parts.push(Buffer.from('0\r\n\r\n'));
  return Buffer.concat(parts);
}

interface Sent {
  bytes: number;
  finished: boolean;
  closed: boolean;
}

let sent: Sent = { bytes: 0, finished: false, closed: false };

function answer(socket: Socket, framing: string, size: number): void {
  const state: Sent = { bytes: 0, finished: false, closed: false };
  sent = state;
  socket.setMaxListeners(100);
  socket.once('close', () => (state.closed = true));
  const body = largest.subarray(0, size);
  const field =
    framing === 'chunked'
      ? 'Transfer-Encoding: chunked\r\n'
      : framing === 'counted'
        ? `Content-Length: ${size}\r\n`
        : '';
  const content = framing === 'chunked' ? inChunks(body) : body;
  const bytes = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${field}\r\n`), content]);
  const next = (at: number): void => {
    if (at >= bytes.length) {
      state.finished = true;
      if (framing === 'close') socket.end();
      return;
    }
    socket.write(bytes.subarray(at, at + 100_000), () => {
      state.bytes = at;
      next(at + 100_000);
    });
  };
  next(0);
}

function serve(socket: Socket): void {
  socket.on('data', (chunk: Buffer) => {
    const [, framing = '', size = ''] = /\/(\w+)\/(\d+) HTTP/.exec(chunk.toString('latin1')) ?? [];
    if (framing === 'step') {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
      step = () => void socket.write('4\r\nlast\r\n0\r\n\r\n');
    } else {
      answer(socket, framing, Number(size));
    }
  });
}

let step = (): void => undefined;

const plain = await startRawServer(serve, { scope });
const secure = await startRawServer(serve, { scope, tls: pki.a.tls });
const [port = 0, tlsPort = 0] = await freePorts(2);
const running = await startProxy(
  `http {
  log_format bodies '$uri $status $body_bytes_sent';
  access_log access.log bodies;
  proxy_max_temp_file_size 0;
  proxy_ssl_name a.test;
  proxy_ssl_trusted_certificate ${pki.caFile};
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location /plain/ { proxy_pass http://${plain.address}; }
    location /tls/ { proxy_pass https://${secure.address}; }
    location /unbuffered/ { proxy_pass http://${plain.address}; proxy_buffering off; }
    location /patient/ { proxy_pass http://${plain.address}; proxy_ignore_client_abort on; }
  }
}`,
  { scope },
);

const doors: readonly { name: string; target: Target }[] = [
  { name: 'plain', target: { port, limitMs: 15_000 } },
  {
    name: 'TLS',
    target: { port: tlsPort, tls: { ca: pki.ca, servername: 'b.test' }, limitMs: 15_000 },
  },
];

// ---- exactness

const sizes = [0, 1, 4096, 8191, 8192, 8193, 65_535, 65_536, 65_537, 300_000, 1_000_000];

for (const { name, target } of doors) {
  for (const hop of ['plain', 'tls', 'unbuffered']) {
    test(`every size and framing arrives exactly: ${hop} → ${name}`, async () => {
      for (const framing of ['counted', 'chunked', 'close']) {
        for (const size of sizes) {
          const path = `/${hop}/${framing}/${size}`;
          const response = await request({ ...target, path });
          assert.equal(response.status, 200, path);
          assert.equal(response.body.length, size, path);
          assert.equal(hash(response.body), hash(largest.subarray(0, size)), path);
        }
      }
    });
  }

  test(`20 MB arrive exactly: TLS → ${name}`, async () => {
    const response = await request({ ...target, path: '/tls/counted/20000000' });
    assert.equal(hash(response.body), hash(largest.subarray(0, 20_000_000)));
  });

  test(`many bodies at once don’t mix: ${name}`, async () => {
    const paths = Array.from({ length: 24 }, (_, i) => ({
      path: `/${i % 2 === 0 ? 'tls' : 'plain'}/${i % 3 === 0 ? 'chunked' : 'counted'}/`,
      size: 50_000 + i * 37_123,
    }));
    const answers = await Promise.all(
      paths.map(({ path, size }) => request({ ...target, path: path + String(size) })),
    );
    for (const [i, { size }] of paths.entries()) {
      assert.equal(hash(answers[i]?.body ?? largest), hash(largest.subarray(0, size)));
    }
  });
}

test('an HTTP/1.0 client gets every framing', async () => {
  for (const framing of ['counted', 'chunked', 'close']) {
    const path = `/plain/${framing}/300000`;
    const response = await request({ port, path, version: '1.0' });
    assert.equal(hash(response.body), hash(largest.subarray(0, 300_000)));
    assert.notEqual(response.framing, 'chunked');
  }
});

test('one connection carries many bodies', async () => {
  const client = await RawConnection.open({ port });
  for (let i = 0; i < 60; i += 1) {
    const size = (i * 7919) % 200_000;
    const framing = i % 2 === 0 ? 'chunked' : 'counted';
    const response = await client.request({ path: `/plain/${framing}/${size}` });
    assert.equal(hash(response.body), hash(largest.subarray(0, size)));
  }
  client.close();
});

// ---- pace

test('the first bytes come before the server has finished', async () => {
  for (const hop of ['plain', 'unbuffered']) {
    const client = await RawConnection.open({ port });
    await client.send(`GET /${hop}/step/0 HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.received.until('the first chunk', (bytes) =>
      bytes.includes('first') ? true : null,
    );
    step();
    assert.equal((await client.response()).body.toString(), 'firstlast');
    client.close();
  }
});

/** Waits until the server gets no more bytes off; says how many went. */
async function stalled(): Promise<number> {
  for (let last = -1; last !== sent.bytes || last === 0;) {
    last = sent.bytes;
    await sleep(100);
  }
  return sent.bytes;
}

for (const { name, target } of doors) {
  for (const hop of ['plain', 'tls', 'unbuffered']) {
    test(`a client that does not read holds the server back: ${hop} → ${name}`, async () => {
      const client = await RawConnection.open(target);
      client.socket.pause();
      await client.send(`GET /${hop}/counted/${largest.length} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const taken = await stalled();
      assert.ok(taken < kernelBytes + proxyBytes, `${taken} bytes were taken`);
      assert.equal(sent.finished, false);
      client.socket.resume();
      const { body } = await client.response();
      assert.equal(hash(body), hash(largest));
      client.close();
    });
  }
}

// ---- clients that leave

for (const hop of ['plain', 'tls', 'unbuffered']) {
  test(`a client that leaves releases the server: ${hop}`, async () => {
    for (const [i, leave] of (['close', 'reset', 'end'] as const).entries()) {
      const path = `/${hop}/counted/${largest.length - 1 - i}`;
      const client = await RawConnection.open({ port });
      client.socket.pause();
      await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await stalled();
      // A FIN is only seen by who still reads: while nothing of the response moves, too.
      client[leave]();
      await eventually(`the close after ${leave}`, () => sent.closed);
      await eventually('the line', () => running.accessLog().includes(`${path} 200 `));
      client.close();
    }
  });
}

test('with proxy_ignore_client_abort the server finishes, and the log says what was sent', async () => {
  const client = await RawConnection.open({ port });
  await client.send('GET /patient/step/0 HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.received.until('the first chunk', (bytes) =>
    bytes.includes('first') ? true : null,
  );
  client.reset();
  await sleep(50);
  assert.ok(!running.accessLog().includes('/patient/'));
  step();
  await eventually('the line', () => running.accessLog().includes('/patient/step/0 200 '));
});

test('with proxy_ignore_client_abort a large body is read to its end', async () => {
  const client = await RawConnection.open({ port });
  client.socket.pause();
  await client.send(`GET /patient/counted/${largest.length} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await stalled();
  client.reset();
  const state = sent;
  await eventually('the end', () => state.finished);
});

test('after all that the proxy still serves', async () => {
  assert.equal((await request({ port, path: '/tls/counted/5' })).body.length, 5);
});
