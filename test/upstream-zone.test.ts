// `zone`: what one worker learns of a server all of them know. With two workers over real sockets.

import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { namedServers } from './kit/named-servers.ts';
import { freePort, freePorts } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { startProxy } from './kit/sallyport.ts';
import { atEnd, type Scope } from './kit/scope.ts';

function config(port: number, group: string): string {
  return `worker_processes 2; master_process on; events { }
    http { upstream backend { ${group} }
    server { listen 127.0.0.1:${port}; location / { proxy_pass http://backend; } } }`;
}

/** A server that closes each connection, and counts them. */
async function resetting(scope: Scope): Promise<{ address: string; connections: () => number }> {
  const port = await freePort();
  let connections = 0;
  const server = createServer((socket: Socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    socket.resetAndDestroy();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  atEnd(scope, () => new Promise((resolve) => server.close(() => resolve())));
  return { address: `127.0.0.1:${port}`, connections: () => connections };
}

// The kernel gives each connection to a worker by chance: of 40 both have some.
async function statuses(port: number, count = 40): Promise<number[]> {
  const all = Array.from({ length: count }, async () => (await request({ port })).status);
  return Promise.all(all);
}

test('a server that failed in one worker gets nothing from the other', async (t) => {
  const [port = 0] = await freePorts(1);
  const bad = await resetting(t);
  const [good] = await namedServers(1, { scope: t });
  const lines = `server ${bad.address} fail_timeout=100s; server ${good?.address ?? ''};`;
  await startProxy(config(port, `zone backend 64k; ${lines}`), { scope: t });
  assert.equal((await request({ port })).status, 200);
  assert.equal((await request({ port })).status, 200);
  assert.equal(bad.connections(), 1);
  assert.ok((await statuses(port)).every((status) => status === 200));
  assert.equal(bad.connections(), 1);
});

test('max_conns holds for all workers together; those beyond wait in the queue', async (t) => {
  const [port = 0] = await freePorts(1);
  const servers = await namedServers(2, { scope: t, delayMs: 20 });
  const lines = servers.map(({ address }) => `server ${address} max_conns=2;`).join(' ');
  await startProxy(config(port, `zone backend 64k; ${lines} queue 100;`), { scope: t });
  const all = await statuses(port, 60);
  assert.ok(all.every((status) => status === 200));
  assert.deepEqual(
    servers.map(({ most }) => most),
    [2, 2],
  );
});

test('without a queue those beyond max_conns of all workers get 502', async (t) => {
  const [port = 0] = await freePorts(1);
  const [server] = await namedServers(1, { scope: t, delayMs: 1000 });
  const group = `zone backend 64k; server ${server?.address ?? ''} max_conns=3;`;
  await startProxy(config(port, group), { scope: t });
  const all = await statuses(port, 20);
  assert.equal(all.filter((status) => status === 200).length, 3);
  assert.equal(all.filter((status) => status === 502).length, 17);
});

test('what a client has under way when it goes away is given back', async (t) => {
  const [port = 0] = await freePorts(1);
  const [server] = await namedServers(1, { scope: t, delayMs: 60_000 });
  const [free] = await namedServers(1, { scope: t });
  const lines = `server ${server?.address ?? ''} max_conns=1; server ${free?.address ?? ''} backup;`;
  await startProxy(config(port, `zone backend 64k; ${lines}`), { scope: t });
  for (let i = 0; i < 5; i += 1) {
    const before = server?.requests ?? 0;
    const connection = await RawConnection.open({ port });
    await connection.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    while (server?.requests === before) await new Promise(setImmediate);
    assert.equal(String((await request({ port })).body), 'a', 'of the backup');
    assert.equal(server?.open, 1);
    connection.close();
    while ((server?.open ?? 0) > 0) await new Promise(setImmediate);
  }
  assert.equal(server?.requests, 5);
});
