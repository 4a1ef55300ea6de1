// A check that meets a connection, or a TLS session, that is no longer good: it says nothing about the
// server, which is asked once more on a connection of its own. A server that closes again has failed.

import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { freePort } from './kit/ports.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { atEnd } from './kit/scope.ts';

interface Server {
  readonly port: number;
  connections: number;
  closed: number;
}

/** Answers the first `answers` checks of each connection, and closes it at the next one. */
async function startServer(
  t: TestContext,
  answers: (connection: number) => number,
): Promise<Server> {
  const listener = createServer((socket) => {
    server.connections += 1;
    let left = answers(server.connections);
    socket.on('error', () => undefined);
    socket.on('data', () => {
      if (left > 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      else {
        server.closed += 1;
        socket.end();
      }
      left -= 1;
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => void listener.close());
  const { port } = listener.address() as AddressInfo;
  const server: Server = { port, connections: 0, closed: 0 };
  return server;
}

async function checked(t: TestContext, server: Server): Promise<RunningProxy> {
  const port = await freePort();
  return startProxy(
    `http { upstream group { zone group 64k; server 127.0.0.1:${server.port}; }
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://group;
        proxy_http_version 1.1; proxy_set_header Connection "";
        health_check interval=30ms keepalive_time=60s; } } }`,
    { scope: t },
  );
}

test('a kept connection that the server closes at the next check is no failed check', async (t) => {
  const server = await startServer(t, () => 1);
  const proxy = await checked(t, server);
  await eventually('connections closed under checks', () => server.closed >= 3);
  assert.doesNotMatch(proxy.errorLog(), /unhealthy/);
  await proxy.stop();
});

test('a server that closes the fresh connection as well has failed', async (t) => {
  const server = await startServer(t, (connection) => (connection === 1 ? 1 : 0));
  const proxy = await checked(t, server);
  await eventually('the verdict', () =>
    /peer is unhealthy while reading response/.test(proxy.errorLog()),
  );
  assert.ok(server.connections >= 2);
  await proxy.stop();
});
