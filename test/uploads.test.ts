// Large request bodies are read into memory that is used again: many clients at once, bodies of all
// sizes, some of them cut off, and what arrives is what was sent to the byte.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import { once } from 'node:events';
import { createServer as createRawServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { freePort } from './kit/ports.ts';
import { Random } from './kit/random.ts';
import { startProxy } from './kit/sallyport.ts';

const clients = 24;
const uploadsEach = 14;
const places = ['/memory', '/file', '/named', '/streamed'] as const;

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Answers with the hash of what it was sent, a little later now and then. */
async function startHashing(t: TestContext): Promise<number> {
  const server = createServer((incoming, outgoing) => {
    const hash = createHash('sha256');
    incoming.on('data', (chunk: Buffer) => hash.update(chunk));
    incoming.on('error', () => undefined);
    incoming.on('end', () => setImmediate(() => outgoing.end(hash.digest('hex'))));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Upload {
  readonly agent: Agent;
  readonly port: number;
  readonly path: string;
  readonly body: Buffer;
}

async function upload({ agent, port, path, body }: Upload, random: Random): Promise<string> {
  const headers = { 'Content-Length': body.length };
  const outgoing = request({ agent, port, host: '127.0.0.1', path, method: 'POST', headers });
  const answered = once(outgoing, 'response');
  for (let at = 0; at < body.length;) {
    const bytes = 1 + random.below(100_000);
    outgoing.write(body.subarray(at, at + bytes));
    at += bytes;
    if (random.oneIn(3)) await new Promise((resolve) => setImmediate(resolve));
  }
  outgoing.end();
  const [incoming] = (await answered) as [NodeJS.ReadableStream];
  let text = '';
  for await (const chunk of incoming) text += String(chunk);
  return text;
}

/** Begins a body and leaves before it is whole. */
async function cutOff({ agent, port, path, body }: Upload): Promise<void> {
  const headers = { 'Content-Length': body.length + 1 };
  const outgoing = request({ agent, port, host: '127.0.0.1', path, method: 'POST', headers });
  const failed = once(outgoing, 'error').catch(() => undefined);
  outgoing.on('error', () => undefined);
  await new Promise<void>((resolve) => outgoing.write(body, () => resolve()));
  outgoing.destroy();
  await failed;
}

async function beClient(port: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < uploadsEach; i += 1) {
    const path = random.pick(places);
    const body = Buffer.alloc(random.oneIn(5) ? random.below(300) : random.below(300_000));
    for (let at = 0; at + 4 <= body.length; at += 4) body.writeUInt32LE(random.below(2 ** 31), at);
    const one = { agent, port, path, body };
    if (random.oneIn(8)) await cutOff(one);
    else assert.equal(await upload(one, random), hashOf(body), `${path}, ${body.length} bytes`);
  }
  agent.destroy();
}

test('each upstream request has the body of its own client', async (t) => {
  const upstream = await startHashing(t);
  const port = await freePort();
  await startProxy(
    `http { client_max_body_size 0; client_body_temp_path bodies;
      upstream u { server 127.0.0.1:${upstream}; keepalive 8; }
      server { listen 127.0.0.1:${port}; proxy_http_version 1.1; proxy_set_header Connection "";
        location / { proxy_pass http://u; }
        location /memory { client_body_buffer_size 1m; proxy_pass http://u; }
        location /named { client_body_in_file_only clean; proxy_pass http://u; }
        location /streamed { proxy_request_buffering off; proxy_pass http://u; } } }`,
    { scope: t },
  );
  await Promise.all(Array.from({ length: clients }, (_, seed) => beClient(port, seed)));
});

/** A server that takes a little of a request, waits until the rest is on its way, and breaks off. */
async function startBreaking(t: TestContext): Promise<number> {
  const server = createRawServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.pause();
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('a body that one server broke off reaches the next one whole, behind a head of its own', async (t) => {
  const breaking = await startBreaking(t);
  const upstream = await startHashing(t);
  const port = await freePort();
  await startProxy(
    `http { client_max_body_size 0; client_body_buffer_size 8m;
      upstream u { server 127.0.0.1:${breaking} max_fails=0; server 127.0.0.1:${upstream} backup; }
      server { listen 127.0.0.1:${port}; proxy_http_version 1.1;
        proxy_next_upstream error non_idempotent; proxy_set_header X-Tried "$upstream_addr";
        location / { proxy_pass http://u; } } }`,
    { scope: t },
  );
  const agent = new Agent();
  for (const size of [5000, 60_000, 65_536, 4_000_000]) {
    const body = Buffer.alloc(size, `${size} `);
    const answer = await upload({ agent, port, path: '/', body }, new Random(size));
    assert.equal(answer, hashOf(body), `${size} bytes`);
  }
  agent.destroy();
});
