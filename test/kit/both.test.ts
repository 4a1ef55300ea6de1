// nginx beside nginx must be alike; a starter that changes the configuration must be found out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx } from './both.ts';
import type { ComparedRequest, ProxyStarter, Site } from './both.ts';
import { nginxAvailable, startNginx } from './nginx.ts';

const skip = !nginxAvailable;

const sameNginx: ProxyStarter = {
  start: (configText, folder) => startNginx(configText, { folder }),
};
const otherNginx: ProxyStarter = {
  start: (configText, folder) =>
    startNginx(configText.replaceAll('X-Side "a"', 'X-Side "b"'), { folder }),
};

const config = ({ ports, upstreams, folder }: Site<'upstream'>): string => `
events {}
http {
  server {
    listen 127.0.0.1:${ports[0]};
    location / {
      proxy_pass http://${upstreams.upstream};
      proxy_set_header X-Side "a";
      proxy_set_header X-Port $server_port;
    }
    location /folder { return 200 "${folder} $host:$server_port"; }
    location /redirect/ { return 301 http://$host:$server_port/there; }
  }
  server { listen 127.0.0.1:${ports[1]}; location / { return 404; } }
}`;

const requests: ComparedRequest[] = [
  { path: '/a?b', headers: { Host: 'x', 'X-Extra': '1' } },
  { method: 'POST', path: '/post', body: 'abc' },
  { path: '/folder' },
  { path: '/redirect/' },
  { name: 'error page', to: 1 },
  { name: 'bad request', raw: 'GET /\x01 HTTP/1.1\r\n\r\n' },
  {
    name: 'two on one connection',
    exchange: async (connection) => {
      const first = await connection.request({ path: '/1' });
      return [first, await connection.request({ method: 'HEAD', path: '/2' })];
    },
  },
];

test('nginx is the same as nginx, whatever ports and folders each got', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: sameNginx,
    config,
    requests,
    listens: 2,
    scope: t,
  });
  assertSameAsNginx(pairs);
  const [first, post, folder] = pairs;
  assert.equal(first?.nginx.answers[0]?.body, 'ok\n');
  assert.deepEqual(first?.nginx.received.upstream?.[0]?.headers, [
    ['connection', 'close'],
    ['host', '<address of upstream>'],
    ['x-extra', '1'],
    ['x-port', '<port 0>'],
    ['x-side', 'a'],
  ]);
  assert.equal(post?.proxy.received.upstream?.[0]?.body, 'abc');
  assert.equal(folder?.proxy.answers[0]?.body, '<folder> localhost:<port 0>');
  assert.deepEqual(folder?.proxy.received, {});
  assert.equal(pairs[6]?.proxy.answers.length, 2);
});

test(
  'a difference in what the upstream received fails, unless its row says so',
  { skip },
  async (t) => {
    const row = { path: '/a' };
    const compare = (request: ComparedRequest): ReturnType<typeof compareWithNginx> =>
      compareWithNginx({ proxy: otherNginx, config, requests: [request], listens: 2, scope: t });
    const pairs = await compare(row);
    assert.throws(() => assertSameAsNginx(pairs), /GET \/a: differs from nginx/);
    assertSameAsNginx(await compare({ ...row, differs: 'the side is another' }));
    const folder = await compare({ path: '/folder', differs: 'nothing' });
    assert.throws(() => assertSameAsNginx(folder), /like nginx, although nothing/);
  },
);

test('what a test chooses to ignore does not count', { skip }, async (t) => {
  const ignore = { upstreamHeaders: ['x-side'] };
  const requests = [{ path: '/a' }];
  assertSameAsNginx(
    await compareWithNginx({ proxy: otherNginx, config, requests, listens: 2, ignore, scope: t }),
  );
});
