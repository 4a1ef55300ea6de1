// `allow` and `deny` beside real nginx: which line decides, and what inherits from where.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const config = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  deny 127.0.0.9;
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://group; }
    location /denied/ { deny all; proxy_pass http://group; }
    location /allowed/ { allow 127.0.0.1; deny all; proxy_pass http://group; }
    location /first/ { deny 127.0.0.1; allow all; proxy_pass http://group; }
    location /network/ { allow 127.0.0.0/30; deny all; proxy_pass http://group; }
    location /other/ { allow 10.0.0.0/8; deny all; proxy_pass http://group; }
    location /six/ { allow ::1; allow ::ffff:127.0.0.1; deny all; proxy_pass http://group; }
    location /unix/ { allow unix:; deny all; proxy_pass http://group; }
    location /none/ { allow 10.0.0.0/8; proxy_pass http://group; }
    location /outer/ {
      deny all;
      location /outer/inner/ { proxy_pass http://group; }
      location /outer/own/ { allow all; proxy_pass http://group; }
    }
    location /except/ {
      limit_except GET { deny all; }
      proxy_pass http://group;
    }
    location /except-address/ {
      limit_except POST { allow 127.0.0.1; deny all; }
      proxy_pass http://group;
    }
    location /page/ { deny all; error_page 403 = /allowed/page; }
    location /return/ { deny all; return 200 "before access"; }
    location /any/ { satisfy any; allow 10.0.0.1; deny all; proxy_pass http://group; }
    location /any-allowed/ { satisfy any; allow 127.0.0.1; deny all; proxy_pass http://group; }
  }
}`;

const requests: ComparedRequest[] = [
  ...[
    '/',
    '/denied/',
    '/allowed/',
    '/first/',
    '/network/',
    '/other/',
    '/six/',
    '/unix/',
    '/none/',
    '/outer/x',
    '/outer/inner/',
    '/outer/own/',
    '/except/',
    '/except-address/',
    '/page/',
    '/return/',
    '/any/',
    '/any-allowed/',
  ].map((path) => ({ path })),
  { method: 'HEAD', path: '/except/' },
  { method: 'POST', path: '/except/', body: 'x' },
  { method: 'DELETE', path: '/except/' },
  { method: 'POST', path: '/except-address/', body: 'x' },
];

test('access by address is what nginx gives', { skip, timeout: 60_000 }, async (t) => {
  assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
});

test('a refusal is logged, and bits beyond the mask are warned of', async (t) => {
  const text = (port: string): string => `events {}
    http {
      server { listen ${port}; location / { allow 10.1.2.3/8; deny all; } }
    }`;
  const loaded = await loadConfig({ text: text('127.0.0.1:0') });
  assert.deepEqual(
    loaded.diagnostics.map(({ severity, message }) => `${severity}: ${message}`),
    ['warning: low address bits of 10.1.2.3/8 are meaningless'],
  );
  const proxy = await startProxy(text('127.0.0.1:0'), { scope: t });
  const [listening] = proxy.proxy.addresses();
  assert.ok(listening?.address.kind === 'ip');
  const answer = await fetch(`http://127.0.0.1:${listening.address.port}/`);
  assert.equal(answer.status, 403);
  assert.match(proxy.errorLog(), /\[error\] .*access forbidden by rule, client: 127\.0\.0\.1/);
});
