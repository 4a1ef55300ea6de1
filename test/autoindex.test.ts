// `autoindex` beside real nginx, in all formats.

import fs from 'node:fs';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;
const long = '0123456789'.repeat(5);

const names: readonly (readonly [name: string, size: number])[] = [
  ['a.txt', 5],
  ['B.txt', 0],
  ['big.bin', 9_999],
  ['bigger.bin', 10_000],
  ['half.bin', 10_752],
  ['huge.bin', 3_000_000],
  ['name with space & <amp>.txt', 1],
  [long, 1],
  [`${long}x`, 1],
  [`${long}${long}.txt`, 1],
  [`é"q.txt`, 1],
  ["a%b?c#d;e'f", 1],
  ['c:d', 1],
  ['back\\slash', 1],
  ['line\nfeed\tand\x01more', 1],
  ['.hidden', 1],
];

function config(site: Site): string {
  const folder = `${site.folder}/www`;
  fs.mkdirSync(`${folder}/folder`, { recursive: true });
  fs.mkdirSync(`${folder}/${long.slice(1)}`, { recursive: true });
  fs.mkdirSync(`${folder}/x${long.slice(1)}`, { recursive: true });
  fs.mkdirSync(`${folder}/with-index`, { recursive: true });
  fs.writeFileSync(`${folder}/with-index/index.html`, 'the index\n');
  for (const [name, size] of names) fs.writeFileSync(`${folder}/${name}`, Buffer.alloc(size));
  fs.symlinkSync('a.txt', `${folder}/link`);
  for (const name of fs.readdirSync(folder)) fs.utimesSync(`${folder}/${name}`, 1e9, 1.6e9);
  return text(site);
}

const text = ({ port, folder }: Site): string => `
events {}
http {
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    location / { autoindex on; }
    location /rounded/ { alias ${folder}/www/; autoindex on; autoindex_exact_size off; }
    location /local/ { alias ${folder}/www/; autoindex on; autoindex_localtime on; }
    location /json/ { alias ${folder}/www/; autoindex on; autoindex_format json; }
    location /jsonp/ { alias ${folder}/www/; autoindex on; autoindex_format jsonp; }
    location /xml/ { alias ${folder}/www/; autoindex on; autoindex_format xml; }
    location /off/ { alias ${folder}/www/; }
  }
}`;

const requests: ComparedRequest[] = [
  ...[
    '/',
    '/rounded/',
    '/local/',
    '/json/',
    '/jsonp/',
    '/jsonp/?callback=found',
    '/jsonp/?a=b&callback=_1',
    '/jsonp/?callback=a(b)',
    '/xml/',
    '/folder/',
    '/folder',
    '/with-index/',
    '/none/',
    '/off/',
    '/a.txt',
  ].map((path) => ({ path })),
  { method: 'HEAD', path: '/' },
  { method: 'POST', path: '/', body: 'x' },
];

test('folders are listed as by nginx', { skip, timeout: 60_000 }, async (t) => {
  assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
});
