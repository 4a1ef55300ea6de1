// `stub_status` beside real nginx, and its counts over several workers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const config = ({ port }: Site): string => `
events {}
http {
  server {
    listen 127.0.0.1:${port};
    location = /status { stub_status; }
    location = /old { stub_status on; }
    location = /if { if ($arg_a) { add_header X-If yes; } stub_status; }
    location = /text {
      return 200 "$connections_active $connections_reading $connections_writing $connections_waiting";
    }
  }
}`;

// All on one connection, so that nothing opens or closes while it is counted.
const requests: ComparedRequest[] = [
  {
    name: 'requests of one connection',
    exchange: async (connection) => [
      await connection.request({ path: '/status' }),
      await connection.request({ path: '/status', method: 'HEAD' }),
      await connection.request({ path: '/status', method: 'POST', body: '' }),
      await connection.request({ path: '/old' }),
      await connection.request({ path: '/if?a=1' }),
      await connection.request({ path: '/text' }),
      await connection.request({ path: '/status', version: '1.0' }),
    ],
  },
];

test('stub_status counts as nginx does', { skip, timeout: 60_000 }, async (t) => {
  assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
});

async function statusOf(port: number): Promise<string> {
  return (await request({ port, path: '/status' })).body.toString();
}

test('connections in each state are counted over all workers', { timeout: 60_000 }, async (t) => {
  const [port = 0, silent = 0] = await freePorts(2);
  await startProxy(
    `master_process on; worker_processes 2; daemon off;
     http { server { listen 127.0.0.1:${port};
       location /status { stub_status; }
       location /wait { proxy_pass http://127.0.0.1:${port}/upload; }
       location /upload { proxy_pass http://127.0.0.1:${silent}; }
     } }`,
    { scope: t },
  );
  const open = async (bytes: string): Promise<RawConnection> => {
    const connection = await RawConnection.open({ port });
    t.after(() => connection.close());
    await connection.send(bytes);
    return connection;
  };
  const connections: RawConnection[] = [];
  for (let i = 0; i < 5; i += 1) connections.push(await open(''));
  for (let i = 0; i < 3; i += 1) connections.push(await open('GET / HTT'));
  // Its body never comes whole, so that it stays under way.
  const post = 'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1';
  for (let i = 0; i < 2; i += 1) connections.push(await open(post));
  // The one that asks is being written to.
  const expected = 'Active connections: 11 \n';
  await eventually('all connections', async () => (await statusOf(port)).startsWith(expected));
  await eventually('their states', async () =>
    (await statusOf(port)).endsWith('Reading: 3 Writing: 3 Waiting: 5 \n'),
  );
  for (const connection of connections) connection.close();
  await eventually('their end', async () =>
    (await statusOf(port)).endsWith('Reading: 0 Writing: 1 Waiting: 0 \n'),
  );
  const [, accepts, handled, asked] = / (\d+) (\d+) (\d+) \n/.exec(await statusOf(port)) ?? [];
  assert.equal(accepts, handled);
  // All but the five that sent nothing began a request.
  assert.equal(Number(asked), Number(accepts) - 5);
});
