// `sub_filter`, `charset` and `empty_gif` beside real nginx.

import fs from 'node:fs';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

function config(site: Site): string {
  const body = 'Hello World, hello again. '.repeat(4000);
  fs.writeFileSync(`${site.folder}/page.html`, body);
  fs.writeFileSync(`${site.folder}/page.txt`, body);
  fs.utimesSync(`${site.folder}/page.html`, 1e9, 1e9);
  fs.utimesSync(`${site.folder}/page.txt`, 1e9, 1e9);
  return text(site);
}

const text = ({ port, folder, upstreams: { upstream } }: Site): string => `
events {}
http {
  types { text/html html; text/plain txt; }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    location / { sub_filter Hello Bye; }
    location /all/ { alias ${folder}/; sub_filter hello bye; sub_filter_once off; }
    location /several/ { alias ${folder}/; sub_filter Hello "$arg_a"; sub_filter World Moon;
      sub_filter again "<$uri>"; sub_filter_once off; }
    location /types/ { alias ${folder}/; sub_filter hello bye; sub_filter_types text/plain; }
    location /modified/ { alias ${folder}/; sub_filter hello bye; sub_filter_last_modified on; }
    location /return/ { default_type text/html; sub_filter ll LL; return 200 "hello"; }
    location /proxied/ { sub_filter_types *; sub_filter ok fine; proxy_pass http://group; }
    location /charset/ { alias ${folder}/; charset utf-8; }
    location /charset-return/ { default_type text/html; charset koi8-r; return 200 text; }
    location /charset-types/ { default_type text/css; charset utf-8; charset_types text/css; return 200 x; }
    location /charset-not/ { default_type text/css; charset utf-8; return 200 x; }
    location /charset-redirect/ { charset utf-8; return 302 /x; }
    location /charset-error/ { charset utf-8; return 404; }
    location /charset-variable/ { default_type text/html; charset $arg_c; return 200 x; }
    location /charset-proxied/ { charset utf-8; proxy_pass http://group; }
    location /gif { empty_gif; }
  }
}`;

const requests: ComparedRequest[] = [
  ...[
    '/page.html',
    '/page.txt',
    '/all/page.html',
    '/several/page.html?a=1',
    '/several/page.html',
    '/types/page.txt',
    '/types/page.html',
    '/modified/page.html',
    '/return/',
    '/proxied/',
    '/charset/page.html',
    '/charset/page.txt',
    '/charset-return/',
    '/charset-types/',
    '/charset-not/',
    '/charset-redirect/',
    '/charset-error/',
    '/charset-variable/?c=utf-8',
    '/charset-proxied/',
    '/gif',
  ].map((path) => ({ path })),
  { method: 'HEAD', path: '/page.html' },
  { method: 'POST', path: '/gif', body: 'x' },
  { path: '/page.html', name: 'a range', headers: { Range: 'bytes=0-4' } },
];

test('bodies are changed as by nginx', { skip, timeout: 60_000 }, async (t) => {
  assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
});
