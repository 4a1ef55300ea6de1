// `queue`: requests wait for a server that is free, in their order, and not for ever.

import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { namedServers } from './kit/named-servers.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { atEnd, type Scope } from './kit/scope.ts';

const head = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function config(port: number, group: string): string {
  return `http { upstream backend { ${group} }
    server { listen 127.0.0.1:${port}; location / { proxy_pass http://backend; } } }`;
}

async function asked(port: number, path = '/'): Promise<RawConnection> {
  const connection = await RawConnection.open({ port });
  await connection.send(head.replace('/', path));
  return connection;
}

/** A server that reads a request and then does what the test does with the socket. */
async function startUnfit(scope: Scope): Promise<{ port: number; unfit: readonly Socket[] }> {
  const unfit: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => unfit.push(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(scope, () => void server.close());
  const { port } = server.address() as AddressInfo;
  return { port, unfit };
}

test('requests wait their turn, and reuse the connection of the one before', async (t) => {
  const port = await freePort();
  const held: (() => void)[] = [];
  const upstream = await RecordingUpstream.start(
    {
      answer: () => new Promise((resolve) => held.push(() => resolve({ body: 'ok' }))),
    },
    t,
  );
  await startProxy(config(port, `server ${upstream.address} max_conns=1; queue 2;`), { scope: t });
  const clients: RawConnection[] = [];
  for (const path of ['/1', '/2', '/3']) {
    clients.push(await asked(port, path));
    await eventually('a request', () => upstream.requests.length >= 1);
  }
  const full = await asked(port, '/4');
  assert.equal((await full.response()).status, 502);
  for (const [i, client] of clients.entries()) {
    await eventually(`request ${i}`, () => upstream.requests.length === i + 1);
    held[i]?.();
    assert.equal((await client.response()).status, 200);
  }
  assert.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/1', '/2', '/3'],
  );
  for (const client of [...clients, full]) client.close();
});

test('who has waited too long gets 502, and the log says why', async (t) => {
  const port = await freePort();
  const [server] = await namedServers(1, { scope: t, delayMs: 60_000 });
  const group = `server ${server?.address ?? ''} max_conns=1; queue 5 timeout=50ms;`;
  const proxy = await startProxy(config(port, group), { scope: t });
  const first = await asked(port);
  await eventually('a request', () => server?.requests === 1);
  const second = await asked(port);
  assert.equal((await second.response()).status, 502);
  await eventually('the line', () =>
    proxy.errorLog().includes('no upstream was free within the time of "queue" while connecting'),
  );
  assert.equal(server?.requests, 1);
  first.close();
  second.close();
});

test('who goes away leaves the queue: the place is free for another', async (t) => {
  const port = await freePort();
  const [server] = await namedServers(1, { scope: t, delayMs: 300 });
  const group = `server ${server?.address ?? ''} max_conns=1; queue 1;`;
  await startProxy(config(port, group), { scope: t });
  const first = await asked(port);
  await eventually('a request', () => server?.requests === 1);
  const gone = await asked(port);
  const refused = await asked(port);
  assert.equal((await refused.response()).status, 502, 'the queue is full');
  gone.close();
  await eventually('a free place', async () => {
    const next = await asked(port);
    const { status } = await next.response();
    next.close();
    return status === 200;
  });
  assert.equal((await first.response()).status, 200);
  first.close();
  refused.close();
});

test('a streamed body that comes while its request waits for another server is not lost', async (t) => {
  const port = await freePort();
  const { port: failingPort, unfit } = await startUnfit(t);
  const held: (() => void)[] = [];
  const upstream = await RecordingUpstream.start(
    {
      answer: ({ target }) =>
        target === '/busy'
          ? new Promise((resolve) => held.push(() => resolve({ body: 'ok' })))
          : { body: 'ok' },
    },
    t,
  );
  const group = `server 127.0.0.1:${failingPort}; server ${upstream.address} max_conns=1; queue 5;`;
  const text = config(port, group).replace('proxy_pass', 'proxy_request_buffering off; proxy_pass');
  await startProxy(text, { scope: t });
  const client = await RawConnection.open({ port });
  await client.send('PUT /late HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n');
  await eventually('the head at the server that fails', () => unfit.length === 1);
  const busy = await asked(port, '/busy');
  await eventually('the other one is busy', () => held.length === 1);
  unfit[0]?.resetAndDestroy();
  await client.send('ab');
  await new Promise((resolve) => setTimeout(resolve, 150));
  await client.send('cd');
  held[0]?.();
  assert.equal((await busy.response()).status, 200);
  assert.equal((await client.response()).status, 200);
  assert.equal(upstream.requests.at(-1)?.body.toString(), 'abcd');
  client.close();
  busy.close();
});

test('a client that goes away while its streamed request waits is noticed', async (t) => {
  const port = await freePort();
  const { port: failingPort, unfit } = await startUnfit(t);
  const held: (() => void)[] = [];
  const upstream = await RecordingUpstream.start(
    { answer: () => new Promise((resolve) => held.push(() => resolve({ body: 'ok' }))) },
    t,
  );
  const group = `server 127.0.0.1:${failingPort}; server ${upstream.address} max_conns=1; queue 1;`;
  const text = config(port, group)
    .replace('proxy_pass', 'proxy_request_buffering off; proxy_pass')
    .replace('http {', 'http { log_format of "$uri $status"; access_log access.log of;');
  const proxy = await startProxy(text, { scope: t });
  const client = await RawConnection.open({ port });
  await client.send('PUT /late HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n');
  await eventually('the head at the server that fails', () => unfit.length === 1);
  const busy = await asked(port, '/busy');
  await eventually('the other one is busy', () => held.length === 1);
  unfit[0]?.resetAndDestroy();
  await eventually('the failure', () => proxy.errorLog().includes('"PUT /late'));
  await client.send('x'.repeat(30_000));
  client.close();
  await eventually('the line of who has left', () => proxy.accessLog().includes('/late 499'));
  assert.equal(held.length, 1, 'nobody has been served meanwhile');
  held[0]?.();
  assert.equal((await busy.response()).status, 200);
  busy.close();
});
