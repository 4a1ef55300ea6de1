// Request bodies on their way through: exactly the bytes that the client sent, framed as nginx
// frames them, buffered or not; in a temporary file only while they are needed; never more of them
// in memory than the configuration allows, however slow the server is.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { eventually, lines } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { floodBytes, kernelBytes, proxyBytes } from './kit/kernel-buffers.ts';
import { RawConnection, formatRequest, request } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import type { Answer, Script } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import type { RunningProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';

const skip = !nginxAvailable;
const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const chunkedField = { 'Transfer-Encoding': 'chunked' };

const locations = (address: string): string => `
    location / { proxy_pass http://${address}; }
    location /streamed { proxy_pass http://${address}; proxy_request_buffering off; }
    location /memory { proxy_pass http://${address}; client_body_buffer_size 2m; }
    location /small { proxy_pass http://${address}; client_max_body_size 10; }
    location /patient { proxy_pass http://${address}; proxy_ignore_client_abort on; }
    location /refused { return 403; }`;

interface Setup {
  readonly port: number;
  readonly running: RunningProxy;
}

async function setup(address: string, scope: Scope): Promise<Setup> {
  const port = await freePort();
  const running = await startProxy(
    `http {
  log_format status '$uri $status';
  access_log access.log status;
  client_max_body_size 0;
  client_body_temp_path bodies;
  server {
    listen 127.0.0.1:${port};${locations(address)}
  }
}`,
    { scope },
  );
  return { port, running };
}

async function recorded(
  scope: Scope,
  answer: Answer | Script = {},
): Promise<Setup & { upstream: RecordingUpstream }> {
  const upstream = await RecordingUpstream.start({ answer }, scope);
  return { upstream, ...(await setup(upstream.address, scope)) };
}

/** Open files of this process inside a folder, also those that have no name any more. */
function openFiles(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`);
      return target.startsWith(folder) ? [target] : [];
    } catch {
      return [];
    }
  });
}

// ---- beside nginx

const sizes = [0, 1, 16_384, 16_385, 100_000, 1_000_000];
const rows: ComparedRequest[] = ['/', '/streamed', '/memory'].flatMap((target) =>
  [{}, chunkedField].flatMap((headers) =>
    sizes.map((size) => ({
      name: `${target} ${size} bytes ${'Transfer-Encoding' in headers ? 'chunked' : 'counted'}`,
      method: 'POST',
      path: target,
      headers,
      body: randomBytes(size),
      ...(target === '/streamed' && 'Transfer-Encoding' in headers && size <= 1
        ? { differs: 'nginx counts a chunked body that came whole with its head' }
        : {}),
    })),
  ),
);

const besideNginx = ({ port, upstreams: { upstream } }: Site<'upstream'>): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen 127.0.0.1:${port};${locations(upstream)}
    location /dead { proxy_pass http://127.0.0.1:1; error_page 502 = @other; }
    location /dead-page { proxy_pass http://127.0.0.1:1; error_page 502 /page; }
    location @other { proxy_pass http://${upstream}; }
  }
}`;

test('bodies of every size arrive as in nginx, framed as in nginx', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: besideNginx,
    requests: [
      ...rows,
      { name: 'no body', path: '/' },
      { name: 'POST without a body', method: 'POST', path: '/' },
      { name: 'POST streamed without a body', method: 'POST', path: '/streamed' },
      { name: 'length 0', method: 'GET', path: '/', headers: { 'Content-Length': '0' } },
      { name: 'length 0, streamed', path: '/streamed', headers: { 'Content-Length': '0' } },
      { name: 'fallback', method: 'POST', path: '/dead', body: 'small' },
      { name: 'large fallback', method: 'PUT', path: '/dead', body: randomBytes(100_000) },
      { name: 'page for a failure', method: 'POST', path: '/dead-page', body: 'small' },
    ],
    scope: t,
  });
  assertSameAsNginx(pairs);
  for (const [i, row] of rows.entries()) {
    const received = pairs[i]?.proxy.rawReceived['upstream']?.[0];
    assert.ok(received?.body.equals(Buffer.from(row.body ?? '')), row.name ?? '');
  }
});

test('10 MB arrive exactly, counted and chunked, buffered and streamed', async (t) => {
  const { port, upstream } = await recorded(t);
  const body = randomBytes(10_000_000);
  for (const target of ['/', '/streamed']) {
    for (const headers of [{}, chunkedField]) {
      upstream.clear();
      const answer = await request({ port, path: target, method: 'PUT', headers, body });
      assert.equal(answer.status, 200);
      assert.equal(hash(upstream.onlyRequest.body), hash(body));
    }
  }
});

test('a chunked body in many odd pieces arrives exactly', async (t) => {
  const { port, upstream } = await recorded(t);
  const pieces = Array.from({ length: 300 }, (_, i) => randomBytes(1 + ((i * 7919) % 3000)));
  for (const target of ['/', '/streamed']) {
    upstream.clear();
    const client = await RawConnection.open({ port });
    await client.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (const piece of pieces) {
      await client.send(`${piece.length.toString(16)};x\r\n`);
      await client.send(piece);
      await client.send('\r\n');
    }
    await client.send('0\r\n\r\n');
    assert.equal((await client.response()).status, 200);
    assert.equal(hash(upstream.onlyRequest.body), hash(Buffer.concat(pieces)));
    client.close();
  }
});

// ---- the temporary file

test('a body beyond client_body_buffer_size is in a file without a name', async (t) => {
  let release = (): void => undefined;
  const { port, upstream, running } = await recorded(t, async () => {
    await new Promise<void>((resolve) => (release = resolve));
    return {};
  });
  const folder = path.join(running.folder, 'bodies');
  for (const [size, files] of [
    [16_384, 0],
    [16_385, 1],
    [3_000_000, 1],
  ] as const) {
    upstream.clear();
    const answer = request({ port, method: 'POST', body: randomBytes(size) });
    await eventually('the request', () => upstream.requests[0]?.complete);
    assert.equal(openFiles(folder).length, files);
    assert.deepEqual(files === 0 ? [] : readdirSync(folder), []);
    release();
    assert.equal((await answer).status, 200);
    await eventually('the end of the file', () => openFiles(folder).length === 0);
  }
});

test('a client that leaves in the middle of its body leaves nothing behind', async (t) => {
  const { port, upstream, running } = await recorded(t);
  const folder = path.join(running.folder, 'bodies');
  for (const target of ['/', '/patient']) {
    const before = running.accessLog().split('\n').length;
    const client = await RawConnection.open({ port });
    await client.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n`);
    await client.send(randomBytes(100_000));
    await eventually('the file', () => openFiles(folder).length === 1);
    client.reset();
    await eventually('its end', () => openFiles(folder).length === 0);
    const log = await lines(() => running.accessLog(), before);
    assert.equal(log.at(-1), `${target} 499`);
  }
  assert.deepEqual(upstream.requests, []);
});

test('a temporary file that cannot be made is 500', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const port = await freePort();
  await startProxy(
    `http { client_body_temp_path /proc/none; server { listen 127.0.0.1:${port};${locations(upstream.address)} } }`,
    { scope: t },
  );
  assert.equal((await request({ port, method: 'POST', body: 'small' })).status, 200);
  const body = randomBytes(50_000);
  assert.equal((await request({ port, method: 'POST', body })).status, 500);
  assert.equal(upstream.requests.length, 1);
});

// ---- clients that wait, and clients that leave

test('Expect: 100-continue is answered when the body is wanted, and goes no further', async (t) => {
  const { port, upstream } = await recorded(t);
  for (const target of ['/', '/streamed']) {
    upstream.clear();
    const client = await RawConnection.open({ port });
    await client.send(
      `POST ${target} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
    );
    await client.received.until('the 100', (bytes) => (bytes.length > 0 ? true : null));
    assert.equal(client.received.rest.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
    await client.send('body');
    const answer = await client.response();
    assert.equal(answer.interim.length, 1);
    assert.equal(answer.status, 200);
    assert.equal(upstream.onlyRequest.header('expect'), undefined);
    assert.equal(upstream.onlyRequest.body.toString(), 'body');
    assert.equal((await client.request({ path: '/again' })).status, 200);
    client.close();
  }
});

test('a body that is not wanted is not asked for', async (t) => {
  const { port, upstream } = await recorded(t);
  for (const [target, status] of [
    ['/small', 413],
    ['/refused', 403],
  ] as const) {
    const client = await RawConnection.open({ port });
    await client.send(
      `POST ${target} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n`,
    );
    const answer = await client.response();
    assert.equal(answer.status, status);
    assert.deepEqual(answer.interim, []);
    // The body may come or not: the connection can't be used again.
    await client.closed();
    client.close();
  }
  assert.deepEqual(upstream.requests, []);
});

test('a refused body is read to its end, and the connection serves on', async (t) => {
  const { port } = await recorded(t);
  const client = await RawConnection.open({ port });
  t.after(() => client.close());
  for (const headers of [{}, chunkedField]) {
    const body = randomBytes(300_000);
    const answer = await client.request({ path: '/refused', method: 'POST', headers, body });
    assert.equal(answer.status, 403);
  }
  assert.equal((await client.request()).status, 200);
});

test('a client that leaves while its body is streamed ends the upstream connection', async (t) => {
  const { port, running, upstream } = await recorded(t);
  upstream.answer = () => undefined;
  const client = await RawConnection.open({ port });
  await client.send('POST /streamed HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc');
  await eventually('the head', () => upstream.requests.length === 1);
  client.reset();
  const log = await lines(() => running.accessLog(), 1);
  assert.deepEqual(log, ['/streamed 499']);
  upstream.answer = {};
  assert.equal((await request({ port })).status, 200);
  assert.equal(upstream.requests[1]?.connection, 2);
  assert.equal(upstream.requests[0]?.complete, false);
});

// ---- servers that are slow

/** Reads nothing until `read` is called, then everything; counts and hashes what is no head. */
async function slowServer(scope: Scope) {
  const digest = createHash('sha256');
  const state = { received: 0, reading: false };
  let held: Socket | null = null;
  const server = await startRawServer(
    (socket) => {
      held = socket;
      let head: Buffer | null = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        let body = chunk;
        if (head !== null) {
          head = Buffer.concat([head, chunk]);
          const end = head.indexOf('\r\n\r\n');
          if (end < 0) return;
          body = head.subarray(end + 4);
          head = null;
          if (!state.reading) socket.pause();
        }
        digest.update(body);
        state.received += body.length;
      });
    },
    { scope },
  );
  return {
    address: server.address,
    state,
    read: () => {
      state.reading = true;
      held?.resume();
    },
    answer: () => void held?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
    hash: () => digest.copy().digest('hex'),
  };
}

test('a slow server slows the client down instead of filling the memory', async (t) => {
  const server = await slowServer(t);
  const { port } = await setup(server.address, t);
  const piece = Buffer.alloc(100_000, 'x');
  const count = Math.ceil(floodBytes / piece.length);
  const client = await RawConnection.open({ port });
  t.after(() => client.close());
  const length = piece.length * count;
  await client.send(`POST /streamed HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`);
  let accepted = 0;
  const sent = (async () => {
    for (let i = 0; i < count; i += 1) {
      await client.send(piece);
      accepted += piece.length;
    }
  })();
  for (let last = -1; last !== accepted;) {
    last = accepted;
    await sleep(150);
  }
  assert.ok(accepted < kernelBytes + proxyBytes, `${accepted} bytes were taken`);
  server.read();
  await sent;
  await eventually('the whole body', () => server.state.received === length);
  server.answer();
  assert.equal((await client.response()).status, 200);
});

for (const target of ['/', '/streamed', '/memory']) {
  test(`a body that a server takes slowly arrives once, at ${target}`, async (t) => {
    const server = await slowServer(t);
    const { port } = await setup(server.address, t);
    const body = randomBytes(target === '/memory' ? 2_000_000 : 15_000_000);
    const client = await RawConnection.open({ port });
    t.after(() => client.close());
    void client.send(formatRequest({ method: 'POST', path: target, body }));
    await sleep(100);
    server.read();
    await eventually('the whole body', () => server.state.received >= body.length);
    server.answer();
    assert.equal((await client.response()).status, 200);
    assert.equal(server.state.received, body.length);
    assert.equal(server.hash(), hash(body));
    // The connection is as good as new.
    const again = await client.request({ method: 'POST', path: '/refused', body: 'abc' });
    assert.equal(again.status, 403);
  });
}

test('a server that takes nothing is given up after proxy_send_timeout', async (t) => {
  const server = await slowServer(t);
  const port = await freePort();
  await startProxy(
    `http { client_max_body_size 0; proxy_send_timeout 200ms; server { listen 127.0.0.1:${port};${locations(server.address)} } }`,
    { scope: t },
  );
  for (const target of ['/', '/streamed']) {
    const client = await RawConnection.open({ port });
    const body = Buffer.alloc(20_000_000);
    client.send(formatRequest({ method: 'POST', path: target, body })).catch(() => undefined);
    assert.equal((await client.response()).status, 504);
    client.close();
  }
});

test('a slow upload may take longer than proxy_connect_timeout', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const port = await freePort();
  await startProxy(
    `http { proxy_connect_timeout 100ms; proxy_send_timeout 100ms; proxy_read_timeout 100ms;
      server { listen 127.0.0.1:${port};${locations(upstream.address)} } }`,
    { scope: t },
  );
  for (const target of ['/', '/streamed']) {
    const client = await RawConnection.open({ port });
    await client.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na`);
    await sleep(350);
    await client.send('b');
    assert.equal((await client.response()).status, 200);
    client.close();
  }
});
