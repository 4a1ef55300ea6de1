// `charset`, `source_charset` and `charset_map` beside nginx: what is named, and what is converted.

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

// Letters of both charsets and of neither, a euro sign, malformed bytes, and characters that are cut
// where the next chunk begins.
const koi8 = Buffer.from([0x74, 0xc1, 0xc2, 0x0a, 0x80, 0xff, 0xd7, 0xa3]);
const utf8 = Buffer.concat([
  Buffer.from('текст аб €, 日本 😀 é '),
  Buffer.from([0xd1, 0x20, 0xff, 0xc0, 0x80, 0xe2, 0x82, 0x20, 0x31, 0xd0]),
]);
const long = Buffer.concat(Array.from({ length: 9000 }, () => Buffer.of(0xc1, 0xc2, 0xd7, 0x20)));
const longUtf8 = Buffer.concat(Array.from({ length: 9000 }, () => Buffer.from('абв日本 ')));

function config(site: Site): string {
  const files: Readonly<Record<string, Buffer>> = {
    'koi8.html': koi8,
    'utf8.html': utf8,
    'long.html': long,
    'long-utf8.html': longUtf8,
    'koi8.bin': koi8,
    'empty.html': Buffer.alloc(0),
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
  types { text/html html; application/octet-stream bin; }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  charset_map koi8-r utf-8 { C1 D0B0; c2 D0B1; D7 D0B2; A3 D191; 80 E282AC; }
  charset_map koi8-r windows-1251 { C1 E0; C2 E1; D7 E2; }
  charset_map windows-1251 utf-8 { E0 D0B0; E1 D0B1; E2 D0B2; }
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    location / { alias ${folder}/; charset utf-8; source_charset koi8-r; }
    location /back/ { alias ${folder}/; charset koi8-r; source_charset utf-8; }
    location /bytes/ { alias ${folder}/; charset windows-1251; source_charset koi8-r; }
    location /bytes-back/ { alias ${folder}/; charset koi8-r; source_charset windows-1251; }
    location /same/ { alias ${folder}/; charset koi8-r; source_charset koi8-r; }
    location /off/ { alias ${folder}/; charset off; source_charset koi8-r; }
    location /variable/ { alias ${folder}/; charset $arg_to; source_charset $arg_from; }
    location /gzip/ { alias ${folder}/; charset utf-8; source_charset koi8-r; gzip on; gzip_min_length 1; }
    location /error/ { charset utf-8; source_charset koi8-r; return 404; }
    location /redirect/ { charset utf-8; source_charset koi8-r; return 301 /x; }
    location /proxied/ { charset utf-8; source_charset koi8-r; proxy_pass http://${upstream}; }
    location /overridden/ { charset utf-8; override_charset on; proxy_pass http://${upstream}; }
    location /both/ { charset utf-8; override_charset on; source_charset windows-1251;
      proxy_pass http://${upstream}; }
  }
}`;

const places = ['', 'back/', 'bytes/', 'bytes-back/', 'same/', 'off/', 'gzip/'];
const files = ['koi8.html', 'utf8.html', 'long.html', 'koi8.bin', 'empty.html'];

const requests: ComparedRequest[] = [
  ...places.flatMap((place) => files.map((file) => ({ path: `/${place}${file}` }))),
  { path: '/back/long-utf8.html' },
  { path: '/koi8.html', method: 'HEAD' },
  { path: '/bytes/koi8.html', method: 'HEAD' },
  { path: '/koi8.html', headers: { Range: 'bytes=1-2' } },
  { path: '/koi8.html', headers: { 'If-Modified-Since': 'Sun, 09 Sep 2001 01:46:40 GMT' } },
  { path: '/gzip/long.html', headers: { 'Accept-Encoding': 'identity' } },
  { path: '/variable/koi8.html?to=utf-8&from=koi8-r' },
  { path: '/variable/koi8.html?to=windows-1251&from=KOI8-R' },
  { path: '/variable/koi8.html?to=latin1&from=koi8-r' },
  { path: '/error/' },
  { path: '/redirect/' },
  ...['koi8-r', 'utf-8', 'windows-1251', '"koi8-r"', 'latin1', 'none'].flatMap((charset) =>
    ['/proxied/', '/overridden/', '/both/'].map((path) => ({ path: `${path}?${charset}` })),
  ),
];

test('text is named and converted as by nginx', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    config,
    requests,
    upstreams: {
      upstream: {
        answer: ({ target }) => {
          const charset = decodeURIComponent(target.split('?')[1] ?? '');
          const parameter = charset === 'none' ? '' : `; charset=${charset}`;
          // nginx leaves what stands before the first letter that becomes a longer one as it is.
          const isCyrillic = charset === 'windows-1251' || target === '/both/?none';
          const body = isCyrillic ? Buffer.of(0xe0, 0x74, 0xe1) : koi8;
          return { headers: { 'Content-Type': `text/html${parameter}` }, body };
        },
      },
    },
    ignore: { framing: true },
  });
  assertSameAsNginx(pairs);
});
