// Responses that a client takes more slowly than the server sends them: with proxy_buffering on the
// server is freed by way of a temporary file, and the client gets exactly what the server sent.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { eventually } from './kit/eventually.ts';
import { floodBytes, kernelBytes, proxyBytes } from './kit/kernel-buffers.ts';
import { testPki } from './kit/pki.ts';
import { freePorts } from './kit/ports.ts';
import { framingOf, readBody, readHead } from './kit/message.ts';
import { RawConnection } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { startProxy } from './kit/sallyport.ts';

const scope = { after };
const pki = await testPki();
const body = Buffer.alloc(floodBytes, randomBytes(1_000_003));
const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

// ---- the server sends as fast as it can, and says how far it has come

interface Sent {
  bytes: number;
  whole: boolean;
}

let sent: Sent = { bytes: 0, whole: false };

function send(socket: Socket, bytes: Buffer, then: () => void): void {
  const state: Sent = { bytes: 0, whole: false };
  sent = state;
  const next = (at: number): void => {
    state.bytes = at;
    if (at < bytes.length)
      socket.write(bytes.subarray(at, at + 1_000_000), () => next(at + 1_000_000));
    else {
      state.whole = true;
      then();
    }
  };
  next(0);
}

const eighth = body.length >> 3;
const heads: Readonly<Record<string, string>> = {
  counted: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`,
  unbuffered: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nX-Accel-Buffering: no\r\n\r\n`,
  buffered: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nX-Accel-Buffering: yes\r\n\r\n`,
  closed: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
  broken: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length + 1}\r\n\r\n`,
  text: `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n`,
};

function chunked(): Buffer {
  const parts = [Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')];
  for (let at = 0; at < body.length; at += eighth) {
    const piece = body.subarray(at, at + eighth);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

function serve(socket: Socket): void {
  socket.on('data', (request: Buffer) => {
    const kind = /\/(\w+) HTTP/.exec(request.toString('latin1'))?.[1] ?? '';
    if (kind === 'small') {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall');
      return;
    }
    const head = heads[kind];
    const bytes = head === undefined ? chunked() : Buffer.concat([Buffer.from(head), body]);
    send(socket, bytes, () => {
      if (kind === 'closed' || kind === 'broken') socket.end();
    });
  });
}

const plain = await startRawServer(serve, { scope });
const secure = await startRawServer(serve, { scope, tls: pki.a.tls });
const [port = 0, tlsPort = 0] = await freePorts(2);
const running = await startProxy(
  `http {
  proxy_ssl_name a.test;
  proxy_ssl_trusted_certificate ${pki.caFile};
  proxy_temp_path responses 1 2;
  upstream group { server ${plain.address}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location /plain/ { proxy_pass http://group; }
    location /tls/ { proxy_pass https://${secure.address}; }
    location /gzip/ { gzip on; gzip_comp_level 1; proxy_pass http://group; }
    location /none/ { proxy_max_temp_file_size 0; proxy_pass http://group; }
    location /limited/ { proxy_max_temp_file_size 5m; proxy_pass http://group; }
    location /unbuffered/ { proxy_buffering off; proxy_pass http://group; }
    location /no-folder/ { proxy_temp_path /proc/nowhere; proxy_pass http://group; }
    location /ignored/ { proxy_ignore_headers X-Accel-Buffering; proxy_pass http://group; }
  }
}`,
  { scope },
);

/** Open files of this process inside the proxy's folder: those of bodies have no name any more. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`);
      return target.startsWith(running.folder) && target.includes('(deleted)') ? [target] : [];
    } catch {
      return [];
    }
  });
}

// The one client under way: a test that fails must not leave it to the next one.
let client: RawConnection | null = null;
afterEach(async () => {
  client?.close();
  await eventually('files to be closed', () => openFiles().length === 0);
});

async function idleClient(place: string, kind: string, secured = false): Promise<RawConnection> {
  sent = { bytes: 0, whole: false };
  const target = secured
    ? { port: tlsPort, tls: { ca: pki.ca, servername: 'b.test' }, limitMs: 30_000 }
    : { port, limitMs: 30_000 };
  client = await RawConnection.open(target);
  client.socket.pause();
  await client.send(
    `GET /${place}/${kind} HTTP/1.1\r\nHost: b.test\r\nAccept-Encoding: gzip\r\n` +
      'Connection: close\r\n\r\n',
  );
  return client;
}

/** Reads to the end of the connection; gives what the answer has of a body. */
async function wholeBody(client: RawConnection): Promise<Buffer> {
  const { received, socket } = client;
  socket.resume();
  await received.until('the end', (_, ended) => {
    received.expect(Infinity);
    return ended ? true : null;
  });
  const bytes = received.take(Infinity);
  const head = readHead(bytes);
  assert.ok(head !== null && head.startLine.startsWith('HTTP/1.1 200 '), 'a head came');
  const chunked = framingOf(head.headers, { kind: 'close' }).kind === 'chunked';
  const found = readBody(bytes, head.raw.length, { kind: chunked ? 'chunked' : 'close' }, true);
  assert.ok('content' in found, 'the answer is complete');
  return found.content;
}

async function stalled(): Promise<void> {
  await eventually('the server to wait', async () => {
    const { bytes } = sent;
    await sleep(200);
    return bytes > 0 && bytes === sent.bytes;
  });
}

const serverIsFree = (): Promise<boolean> =>
  eventually('the end of the sending', () => sent.whole, 20_000);

for (const [place, kind, secured] of [
  ['plain', 'counted', false],
  ['plain', 'closed', false],
  ['plain', 'counted', true],
  ['tls', 'chunked', false],
  ['unbuffered', 'buffered', false],
] as const) {
  test(`the server is free before the client reads: ${place} ${kind} ${secured ? 'TLS' : ''}`, async () => {
    const client = await idleClient(place, kind, secured);
    await serverIsFree();
    assert.equal(openFiles().length, 1);
    assert.match(openFiles()[0] ?? '', /\/responses\/\d\/\d\d\/\d+-[0-9a-f]+ \(deleted\)$/);
    assert.equal(hash(await wholeBody(client)), hash(body));
    await eventually('the file to be closed', () => openFiles().length === 0);
    client.close();
  });
}

test('the connection to the server serves others while the client still reads', async () => {
  const slow = await idleClient('plain', 'counted');
  await serverIsFree();
  const other = await RawConnection.open({ port });
  const small = async (): Promise<boolean> => {
    const before = plain.sockets.length;
    assert.equal((await other.request({ path: '/plain/small' })).body.toString(), 'small');
    return plain.sockets.length === before;
  };
  // What the server has sent is still on its way for a moment.
  await eventually('a request without a new connection', small);
  const used = plain.sockets.length;
  for (let i = 0; i < 3; i += 1) await small();
  assert.equal(plain.sockets.length, used);
  other.close();
  assert.equal(openFiles().length, 1, 'the slow client has not read');
  assert.equal(hash(await wholeBody(slow)), hash(body));
});

for (const place of ['unbuffered', 'none', 'no-folder']) {
  test(`without a file the server waits for the client: ${place}`, async () => {
    const client = await idleClient(place, 'counted');
    await stalled();
    assert.ok(sent.bytes < kernelBytes + proxyBytes, `${sent.bytes} were taken`);
    assert.equal(openFiles().length, 0);
    assert.equal(hash(await wholeBody(client)), hash(body));
    client.close();
  });
}

test('a file that cannot be made is logged once for a response', () => {
  const told = running.errorLog().match(/response can't be written to a temporary file/g) ?? [];
  assert.equal(told.length, 1);
});

test('the size of the file is limited, and the rest comes all the same', async () => {
  const client = await idleClient('limited', 'chunked');
  await stalled();
  assert.ok(!sent.whole);
  assert.ok(sent.bytes < kernelBytes + 5 * 1_048_576 + proxyBytes, `${sent.bytes} were taken`);
  assert.equal(openFiles().length, 1);
  assert.equal(hash(await wholeBody(client)), hash(body));
  client.close();
});

test('X-Accel-Buffering decides for one response, unless it is ignored', async () => {
  const client = await idleClient('plain', 'unbuffered');
  await stalled();
  assert.ok(!sent.whole);
  client.close();
  const patient = await idleClient('ignored', 'unbuffered');
  await serverIsFree();
  patient.close();
});

test('a response that a filter changes waits in the same way', async () => {
  const client = await idleClient('gzip', 'text');
  await sleep(300);
  assert.equal(hash(gunzipSync(await wholeBody(client))), hash(body));
  client.close();
});

test('a server that breaks off: the client gets what came, and sees that it is not all', async () => {
  const client = await idleClient('plain', 'broken');
  await serverIsFree();
  assert.equal(hash(await wholeBody(client)), hash(body));
});

test('a client that leaves takes its file with it', async () => {
  const client = await idleClient('plain', 'counted');
  await eventually('a file', () => openFiles().length === 1, 20_000);
  client.close();
  await eventually('the file to be closed', () => openFiles().length === 0);
});
