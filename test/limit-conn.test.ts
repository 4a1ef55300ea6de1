// `limit_conn` beside real nginx, and that a place is given back however a request ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection, request, type RawResponse } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;

// A request that is held calls the proxy itself with further ones meanwhile: no test has to be quick.
const config = ({ port }: Site): string => `
events {}
http {
  limit_conn_zone $arg_key zone=key:1m;
  limit_conn_zone $arg_other zone=other:1m;
  limit_conn_zone $server_port zone=port:1m;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  add_header X-Limit "[$limit_conn_status]" always;
  server {
    listen 127.0.0.1:${port};
    location /end { try_files /none =204; }
    location /again/ {
      limit_conn key 2;
      proxy_pass http://127.0.0.1:${port}/;
    }
    location /first/ {
      limit_conn key 3;
      proxy_pass http://127.0.0.1:${port}/again/again/;
    }
    location /second/ {
      limit_conn key 1;
      proxy_pass http://127.0.0.1:${port}/status/;
    }
    location /status/ {
      limit_conn key 1;
      limit_conn_status 429;
      error_page 429 = @limited;
      try_files /none =204;
    }
    location @limited { return 429 "[$limit_conn_status]"; }
    location /third/ {
      limit_conn key 1;
      proxy_pass http://127.0.0.1:${port}/dry/;
    }
    location /dry/ {
      limit_conn key 1;
      limit_conn_dry_run on;
      try_files /none =204;
    }
    location /both/ {
      limit_conn key 5;
      limit_conn other 1;
      proxy_pass http://127.0.0.1:${port}/both/;
    }
    location /redirected/ {
      limit_conn port 1;
      error_page 404 = /inner;
      try_files /none =404;
    }
    location /inner { limit_conn port 1; try_files /none =204; }
  }
}`;

const requests: ComparedRequest[] = [
  '/again/end?key=a',
  '/again/again/end?key=a',
  '/again/again/again/end?key=a',
  '/again/again/again/end',
  '/again/again/end?key=a',
  '/first/end?key=b',
  '/second/?key=c',
  '/third/?key=d',
  '/both/?key=e&other=e',
  '/both/?key=f',
  '/redirected/',
  '/redirected/',
  `/again/end?key=${'x'.repeat(300)}`,
].map((path) => ({ path }));

test(
  'as many requests of a key are under way as in nginx',
  { skip, timeout: 60_000 },
  async (t) => {
    assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
  },
);

async function hold(port: number, path: string): Promise<RawConnection> {
  const connection = await RawConnection.open({ port });
  // The rest of the body never comes unless a test sends it.
  await connection.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12`);
  return connection;
}

const holding = (port: number): string => `http {
  log_format l "$uri $limit_conn_status"; access_log off;
  limit_conn_zone $arg_key zone=key:1m;
  server { listen 127.0.0.1:${port};
    location /held { limit_conn key 1; proxy_pass http://127.0.0.1:${port}/end; }
    location /late { limit_conn key 1; proxy_pass http://127.0.0.1:${port}/hang; }
    location /hang { proxy_pass http://127.0.0.1:${port}/held?key=inner; }
    location /end { return 200 end; }
  } }`;

function tried(port: number, path: string): Promise<RawResponse> {
  return request({ port, path, method: 'POST', body: '12345' });
}

async function refused(port: number, path: string): Promise<void> {
  await eventually('the refusal', async () => (await tried(port, path)).status === 503);
}

async function passes(port: number, path: string): Promise<void> {
  await eventually('a place', async () => (await tried(port, path)).status === 200);
}

test('a place is given back when the client leaves, resets, or has its answer', async (t) => {
  const [port = 0] = await freePorts(1);
  const proxy = await startProxy(holding(port), { scope: t });
  const path = '/held?key=a';
  for (const leave of ['close', 'reset', 'end', 'finish'] as const) {
    const connection = await hold(port, path);
    await refused(port, path);
    assert.equal((await tried(port, '/held?key=b')).status, 200);
    if (leave === 'finish') {
      await connection.send('345');
      assert.equal((await connection.response('POST')).status, 200);
    } else {
      connection[leave]();
    }
    await passes(port, path);
    connection.close();
  }
  assert.match(
    proxy.errorLog(),
    /limiting connections by zone "key", client: 127\.0\.0\.1, server/,
  );
});

test('places outlive a reload, and requests of the old configuration give theirs back', async (t) => {
  const [port = 0] = await freePorts(1);
  const { proxy } = await startProxy(holding(port), { scope: t });
  const connection = await hold(port, '/held?key=a');
  await refused(port, '/held?key=a');
  await proxy.reload();
  assert.equal((await tried(port, '/held?key=a')).status, 503);
  connection.close();
  await passes(port, '/held?key=a');
});

test('a zone with another key begins anew, and the log says so', async (t) => {
  const [port = 0] = await freePorts(1);
  const text = `master_process off; error_log error.log info; events {} ${holding(port)}`;
  const running = await startProxy(text, { scope: t });
  const connection = await hold(port, '/held?key=a');
  await refused(port, '/held?key=a');
  await running.proxy.reload({
    file: `${running.folder}/sallyport.conf`,
    prefix: running.folder,
    text: text.replace('$arg_key', '$arg_key$host'),
  });
  assert.equal((await tried(port, '/held?key=a')).status, 200);
  assert.match(
    running.errorLog(),
    /\[notice\] .*zone "key" begins anew: its key was "\$arg_key" and is "\$arg_key\$host"/,
  );
  connection.close();
});
