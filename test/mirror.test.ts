// `mirror` beside real nginx: what the copies are, and that nobody waits for them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { eventually, lines } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';

const skip = !nginxAvailable;

type Name = 'group' | 'copy';

const config = ({ port, upstreams: { group, copy } }: Site<Name>): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${group}; keepalive 4; }
  upstream copy { server ${copy}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 20m;
    location / { mirror /mirror; proxy_pass http://group; }
    location /twice/ { mirror /mirror; mirror /other; proxy_pass http://group; }
    location /bodiless/ { mirror /without; mirror_request_body off; proxy_pass http://group; }
    location /nowhere/ { mirror /dead; proxy_pass http://group; }
    location /refused/ { mirror /refused-copy; proxy_pass http://group; }
    location /off/ { mirror off; proxy_pass http://group; }
    location /outer/ { mirror /mirror; location /outer/inner/ { proxy_pass http://group; } }
    location /denied/ { mirror /mirror; deny all; proxy_pass http://group; }
    location /return/ { mirror /mirror; return 200 "before precontent"; }
    location /named/ { mirror /mirror; try_files /none @group; }
    location @group { proxy_pass http://group; }
    location = /mirror { internal; proxy_pass http://copy$request_uri; }
    location = /other { internal; proxy_set_header X-Uri $uri; proxy_set_header Connection ""; proxy_pass http://copy; }
    location = /without {
      internal;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_pass http://copy$request_uri;
    }
    location = /dead { proxy_pass http://127.0.0.1:1; }
    location = /refused-copy { return 500; }
  }
}`;

const large = 'x'.repeat(300_000);

const requests: ComparedRequest[] = [
  '/a%20b?c=d',
  '/nowhere/',
  '/refused/',
  '/off/',
  '/outer/inner/',
  '/denied/',
  '/return/',
  '/named/',
]
  .map((path): ComparedRequest => ({ path }))
  .concat([
    { method: 'POST', path: '/', body: 'some body' },
    { method: 'PUT', path: '/', body: 'some body', headers: { 'Transfer-Encoding': 'chunked' } },
    { method: 'POST', path: '/bodiless/', body: 'some body' },
    { method: 'DELETE', path: '/' },
    { method: 'HEAD', path: '/' },
    { name: 'large body', method: 'POST', path: '/', body: large },
    { name: 'empty body', method: 'POST', path: '/', body: '' },
  ]);

// Copies come when they come: each request waits for its own before it is over.
const settled = requests.map((one): ComparedRequest => ({
  ...one,
  name: one.name ?? `${one.method ?? 'GET'} ${one.path ?? ''}`,
  exchange: async (connection) => {
    const answer = await connection.request(one);
    await new Promise((resolve) => setTimeout(resolve, 60));
    return [answer];
  },
}));

test('copies are what they are in nginx', { skip, timeout: 60_000 }, async (t) => {
  const pairs = await compareWithNginx<Name>({
    proxy: proxyStarter,
    config,
    requests: settled,
    upstreams: { group: {}, copy: { answer: { status: 500, body: 'nobody reads this' } } },
    scope: t,
  });
  assertSameAsNginx(pairs);
  assert.equal(pairs[0]?.proxy.received.copy?.[0]?.requestLine, 'GET /a%20b?c=d HTTP/1.1');
});

interface Started {
  readonly port: number;
  readonly copy: RecordingUpstream;
  readonly release: () => void;
  readonly errorLog: () => string;
  readonly accessLog: () => string;
}

/** With a copy that is not answered before it is released. */
async function started(t: Scope, more = ''): Promise<Started> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const port = await freePort();
  const copy = await RecordingUpstream.start(
    {
      answer: async () => {
        await promise;
        return { status: 200 };
      },
    },
    t,
  );
  const group = await RecordingUpstream.start({}, t);
  const proxy = await startProxy(
    `events { worker_connections 4096; }
    http {
      log_format line '$uri $status $request_body';
      access_log access.log line;
      log_subrequest on;
      server {
        listen 127.0.0.1:${port};
        ${more}
        location / { mirror /copy; proxy_pass http://${group.address}; }
        location = /copy { internal; proxy_pass http://${copy.address}; }
      }
    }`,
    { scope: t },
  );
  const { errorLog, accessLog } = proxy;
  return { port, copy, release: resolve, errorLog, accessLog };
}

test('neither the request nor the next one waits for the copy', async (t) => {
  const { port, copy, release, accessLog } = await started(t);
  const client = await RawConnection.open({ port });
  for (const body of ['first', 'second', 'third']) {
    assert.equal((await client.request({ method: 'POST', path: '/x', body })).status, 200);
  }
  await eventually('all copies', () => copy.requests.length === 3);
  client.close();
  release();
  // Each of them still has its own request and body, long after the connection went on.
  const logged = await lines(accessLog, 6);
  assert.deepEqual(logged.filter((line) => line.startsWith('/copy')).sort(), [
    '/copy 200 first',
    '/copy 200 second',
    '/copy 200 third',
  ]);
  assert.deepEqual(copy.requests.map(({ body }) => body.toString()).sort(), [
    'first',
    'second',
    'third',
  ]);
});

test('there is a bound to the copies under way', { timeout: 60_000 }, async (t) => {
  const { port, release, errorLog } = await started(t, 'keepalive_requests 5000;');
  const clients = await Promise.all(Array.from({ length: 10 }, () => RawConnection.open({ port })));
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; i < 101; i += 1) assert.equal((await client.request()).status, 200);
      client.close();
    }),
  );
  await eventually('the complaint', () =>
    errorLog().includes('1000 mirrored requests are under way, one is left out, client: 127'),
  );
  release();
});
