// `add_before_body` and `add_after_body` beside nginx, with files, upstream answers and errors as what
// is added, and with compression after it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import {
  assertSameAsNginx,
  compareWithNginx,
  type ComparedRequest,
  type Site,
} from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

function config(site: Site): string {
  const files: Readonly<Record<string, string>> = {
    'page.html': '<p>page</p>\n',
    'page.txt': 'page\n',
    'long.html': 'line of a long page\n'.repeat(20_000),
    'empty.html': '',
    'before.html': '<header>\n',
    'after.html': '<footer>\n',
    'long-before.html': 'line of a long header\n'.repeat(20_000),
  };
  for (const [name, content] of Object.entries(files)) {
    fs.writeFileSync(`${site.folder}/${name}`, content);
    fs.utimesSync(`${site.folder}/${name}`, 1e9, 1e9);
  }
  return text(site);
}

const text = ({ port, folder, upstreams: { upstream } }: Site): string => `
events {}
http {
  types { text/html html; text/plain txt; }
  server_tokens off;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    add_before_body /before.html;
    add_after_body /after.html;
    location / { }
    location /before/ { alias ${folder}/; add_after_body ""; }
    location /after/ { alias ${folder}/; add_before_body ""; }
    location /none/ { alias ${folder}/; add_before_body ""; add_after_body ""; }
    location /types/ { alias ${folder}/; addition_types text/plain; }
    location /all/ { alias ${folder}/; addition_types *; }
    location /missing/ { alias ${folder}/; add_before_body /absent.html; add_after_body /refused; }
    location /refused { return 403; }
    location /inner { internal; return 200 "inner $uri $args|"; }
    location /from-inner/ { alias ${folder}/; add_before_body /inner; }
    location /long/ { alias ${folder}/; add_before_body /long-before.html; }
    location /upstream-added/ { alias ${folder}/; add_before_body /passed; add_after_body /passed/2; }
    location /passed { proxy_pass http://group; }
    location /upstream/ { addition_types text/plain; proxy_pass http://group; }
    location /gzip/ { alias ${folder}/; gzip on; gzip_min_length 1; }
    location /return/ { default_type text/html; return 200 "answer|"; }
    location /error/ { return 404; }
  }
}`;

const requests: ComparedRequest[] = [
  ...[
    '',
    'before/',
    'after/',
    'none/',
    'types/',
    'all/',
    'missing/',
    'from-inner/',
    'long/',
  ].flatMap((place) =>
    ['page.html', 'page.txt', 'long.html', 'empty.html'].map((file) => ({
      path: `/${place}${file}`,
    })),
  ),
  { path: '/page.html', method: 'HEAD' },
  { path: '/page.html', headers: { Range: 'bytes=0-3' } },
  { path: '/page.html', headers: { 'If-None-Match': '"3b9aca00-c"' } },
  { path: '/page.html?a=b' },
  { path: '/none.html' },
  { path: '/upstream-added/page.html' },
  { path: '/upstream-added/long.html' },
  { path: '/upstream/', method: 'POST', body: 'data' },
  { path: '/gzip/page.html', headers: { 'Accept-Encoding': 'identity' } },
  { path: '/return/' },
  { path: '/error/' },
];

test('bodies are put together as by nginx', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    config,
    requests,
    ignore: { framing: true },
  });
  assertSameAsNginx(pairs);
  const page = pairs.find(({ name }) => name === 'GET /page.html');
  assert.equal(page?.proxy.answers[0]?.body, '<header>\n<p>page</p>\n<footer>\n');
});
