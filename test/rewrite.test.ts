// `set`, `rewrite`, `if`, `break` and `return` beside real nginx: what the client gets, and what the
// upstream received, byte for byte.

import fs from 'node:fs';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

function config(site: Site): string {
  fs.writeFileSync(`${site.folder}/file.txt`, 'file\n');
  fs.mkdirSync(`${site.folder}/folder`, { recursive: true });
  return text(site);
}

const text = ({ port, folder, upstreams: { upstream } }: Site): string => `
events {}
http {
  server_tokens off;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  log_format top "$from_below";
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    server_name rewrites.test;
    root ${folder};
    location / { return 200 "default $uri $args"; }
    location /last/ { rewrite ^/last/(.*)$ /found/$1 last; return 500; }
    location /break/ { rewrite ^/break/(.*)$ /passed/$1 break; proxy_pass http://group; }
    location /break-uri/ { rewrite ^/break-uri/(.*)$ /b/$1 break; proxy_pass http://group/replaced/; }
    location /none/ { rewrite ^/none/(.*)$ /one/$1; rewrite ^/one/(.*)$ /found/$1; }
    location /found/ { return 200 "found $uri|$args|$request_uri"; }
    location /redirect/ { rewrite ^/redirect/(.*)$ /to/$1 redirect; }
    location /permanent/ { rewrite ^/permanent/(.*)$ http://other.test/$1 permanent; }
    location /url/ { rewrite ^/url/(.*)$ https://other.test/x?y=$1; }
    location /scheme/ { rewrite ^/scheme/(.*)$ $scheme://$host/$1; }
    location /args/ { rewrite ^/args/(.*)$ /found/x?own=$1 last; }
    location /noargs/ { rewrite ^/noargs/(.*)$ /found/x? last; }
    location /ownonly/ { rewrite ^/ownonly/(.*)$ /found/x?own=$1? last; }
    location /redirect-args/ { rewrite ^/redirect-args/(.*)$ /to/$1?own=$1 redirect; }
    location /redirect-noargs/ { rewrite ^/redirect-noargs/(.*)$ /to/$1? redirect; }
    location /cycle/ { rewrite ^/cycle/(.*)$ /cycle/$1x last; }
    location /zero/ { rewrite ^/zero/(.*)$ $1 last; }
    location /named/ { rewrite ^/named/(?<from_below>.*)$ /found/$from_below last; }
    location /passed-args/ { rewrite ^/passed-args/(.*)$ /p/$1?a=1 break; proxy_pass http://group; }
    location /literal/ { rewrite ^ "/a b" break; proxy_pass http://group; }
    location /break-word/ { set $x 1; break; set $x 2; return 500; }
    location /set/ { set $a one; set $b "$a-two"; set $a three; return 200 "$a $b"; }
    location /unset/ { return 200 "[$never]"; if ($host = x) { set $never 1; } }
    location /set-args/ { set $args replaced=1; proxy_pass http://group; }
    location /if-value/ {
      set $v $arg_v;
      if ($v) { return 200 "true [$v]"; }
      return 200 "false [$v]";
    }
    location /if-equal/ {
      if ($arg_v = yes) { return 200 equal; }
      if ($arg_v != no) { return 200 unequal; }
      return 200 neither;
    }
    location /if-match/ {
      if ($arg_v ~ ^a(.)c$) { return 200 "match $1"; }
      if ($arg_v ~* ^x(.)z$) { return 200 "caseless $1"; }
      if ($arg_v !~ ^q) { return 200 "no q"; }
      if ($arg_v !~* ^QQ) { return 200 "no qq"; }
      return 200 "rest";
    }
    location /if-brackets/ { if ( $arg_v = yes ) { return 200 yes; } return 200 no; }
    location /if-file/ {
      if (-f $document_root/file.txt) { set $r "f"; }
      if (!-f $document_root/none) { set $r "\${r}!f"; }
      if (-d $document_root/folder) { set $r "\${r}d"; }
      if (-e $document_root/folder) { set $r "\${r}e"; }
      if (!-e $document_root/none) { set $r "\${r}!e"; }
      if (-x $document_root/file.txt) { set $r "\${r}x"; }
      return 200 "$r";
    }
    location /if-last-wins/ {
      proxy_pass http://group/outer/;
      set $seen "";
      if ($arg_a) { set $seen "\${seen}a"; }
      if ($arg_b) { set $seen "\${seen}b"; proxy_pass http://${upstream}; }
      proxy_set_header X-Seen $seen;
      proxy_set_header Connection "";
    }
    location /if-break/ {
      set $r 1;
      if ($arg_a) { break; }
      set $r 2;
      proxy_pass http://group;
      proxy_set_header X-R $r;
      proxy_set_header Connection "";
    }
    location /if-rewrite/ {
      if ($arg_a) { rewrite ^/if-rewrite/(.*)$ /found/$1 last; }
      if ($arg_b) { rewrite ^/if-rewrite/(.*)$ /inner/$1 break; }
      proxy_pass http://group;
    }
    location /if-root/ {
      if ($arg_a) { root ${folder}/folder; }
    }
    location /if-error/ {
      if ($arg_a) { error_page 404 /found/error; }
      return 404;
    }
    location /captures/ {
      if ($arg_v ~ (.)(.)) { set $pair "$2$1"; }
      rewrite ^/captures/(\\w+) /found/$1-$pair last;
    }
    location /except/ {
      proxy_pass http://group;
      limit_except GET POST { proxy_pass http://${upstream}; }
    }
    location ~ ^/re(?<tail>.*)$ { rewrite ^ /found$tail last; }
  }
  server {
    listen 127.0.0.1:${port};
    server_name server.test;
    set $level server;
    if ($arg_blocked) { return 403; }
    if ($http_x_old) { rewrite ^/old/(.*)$ /new/$1; }
    rewrite ^/server/(.*)$ /new/$1;
    rewrite ^/last/(.*)$ /new/last-$1 last;
    rewrite ^/new/last-(.*)$ /never/$1;
    rewrite ^/gone/ /elsewhere permanent;
    location / { return 200 "rest $uri $level"; }
    location /new/ { return 200 "new $uri $level"; }
  }
}`;

const paths = [
  '/last/a',
  '/last/a?q=1',
  '/last/a%20b',
  '/break/a?q=1',
  '/break/a%20b%3fc',
  '/break-uri/x',
  '/none/x',
  '/redirect/x',
  '/redirect/a%20b',
  '/redirect/%C3%A9',
  '/redirect/x?q=a b'.replace(' ', '%20'),
  '/permanent/x?y=z',
  '/url/v',
  '/url/a%26b?c=d',
  '/scheme/x',
  '/args/v',
  '/args/v?q=1',
  '/args/a%26b?q=1',
  '/args/a+b',
  '/noargs/x?q=1',
  '/ownonly/x?q=1',
  '/redirect-args/a%2fb?q=1',
  '/redirect-args/ab',
  '/redirect-noargs/x?q=1',
  '/cycle/x',
  '/zero/',
  '/named/x',
  '/passed-args/x',
  '/passed-args/x?b=2',
  '/literal/x',
  '/break-word/',
  '/set/',
  '/unset/',
  '/set-args/?was=1',
  '/if-value/',
  '/if-value/?v=0',
  '/if-value/?v=1',
  '/if-value/?v=00',
  '/if-value/?v=false',
  '/if-equal/?v=yes',
  '/if-equal/?v=no',
  '/if-equal/?v=x',
  '/if-match/?v=abc',
  '/if-match/?v=XYZ',
  '/if-match/?v=b',
  '/if-match/?v=q',
  '/if-match/?v=qq',
  '/if-brackets/?v=yes',
  '/if-brackets/',
  '/if-file/',
  '/if-last-wins/p',
  '/if-last-wins/p?a=1',
  '/if-last-wins/p?b=1',
  '/if-last-wins/p?a=1&b=1',
  '/if-break/?a=1',
  '/if-break/',
  '/if-rewrite/x?a=1',
  '/if-rewrite/x?b=1',
  '/if-rewrite/x',
  '/if-error/',
  '/if-error/?a=1',
  '/captures/word?v=xy',
  '/captures/word',
  '/re/x',
  '/re',
  '/file.txt',
  '/if-root/x?a=1',
  '/except/x',
];

const requests: ComparedRequest[] = [
  ...paths.map((path) => ({ path, headers: { Host: 'rewrites.test' } })),
  { method: 'DELETE', path: '/except/x', headers: { Host: 'rewrites.test' } },
  { method: 'POST', path: '/last/a', headers: { Host: 'rewrites.test' }, body: 'abc' },
  { method: 'POST', path: '/break/a', headers: { Host: 'rewrites.test' }, body: 'abc' },
  ...['/x', '/old/a', '/server/a', '/last/a', '/gone/x', '/x?blocked=1', '/new/y'].map((path) => ({
    path,
    headers: { Host: 'server.test' },
  })),
  { path: '/old/a', headers: { Host: 'server.test', 'X-Old': '1' } },
];

test('rewrite directives do what nginx does', { skip, timeout: 60_000 }, async (t) => {
  const comparison = { proxy: proxyStarter, config, requests, scope: t };
  assertSameAsNginx(await compareWithNginx(comparison));
});
