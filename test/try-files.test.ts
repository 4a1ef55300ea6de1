// `try_files` beside real nginx: which file is served, where a request goes when there is none.

import fs from 'node:fs';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

function config(site: Site): string {
  const { folder } = site;
  fs.mkdirSync(`${folder}/www/dir/sub`, { recursive: true });
  fs.mkdirSync(`${folder}/other`, { recursive: true });
  fs.writeFileSync(`${folder}/www/file.txt`, 'file\n');
  fs.writeFileSync(`${folder}/www/a b.txt`, 'space\n');
  fs.writeFileSync(`${folder}/www/dir/index.html`, 'dir index\n');
  fs.writeFileSync(`${folder}/www/maintenance.html`, 'maintenance\n');
  fs.writeFileSync(`${folder}/www/page.html`, 'page\n');
  fs.writeFileSync(`${folder}/other/x.txt`, 'other x\n');
  return text(site);
}

const text = ({ port, folder, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    location / { try_files $uri $uri/ =404; }
    location /app/ { try_files $uri /maintenance.html @app; }
    location /named/ { try_files $uri @app; }
    location /status/ { try_files /none =503; }
    location /fallback/ { try_files $uri $uri/ /index-of?q=$uri&$args; }
    location /index-of { return 200 "fallback $uri|$args"; }
    location /proxied/ { try_files $uri.html /page.html =404; proxy_pass http://group; }
    location /aliased/ { alias ${folder}/other/; try_files $uri $uri/ =404; }
    location /error/ { try_files /none =404; error_page 404 /page.html; }
    location ~ ^/re/(.*)$ { try_files /$1 /dir/$1 =410; }
    location @app { proxy_pass http://group; }
  }
}`;

const requests: ComparedRequest[] = [
  '/file.txt',
  '/a%20b.txt',
  '/none',
  '/dir',
  '/dir/',
  '/dir/sub',
  '/dir/sub/',
  '/app/x',
  '/named/x?y=1',
  '/named/a%20b',
  '/status/x',
  '/fallback/x?a=1',
  '/fallback/',
  '/proxied/x?a=1',
  '/aliased/x.txt',
  '/aliased/none',
  '/error/',
  '/re/file.txt',
  '/re/index.html',
  '/re/none',
  '/file.txt/',
  '/../file.txt',
].map((path) => ({ path }));

test('try_files serves what nginx serves', { skip, timeout: 60_000 }, async (t) => {
  assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
});
