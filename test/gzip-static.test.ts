// `gzip_static` and `gunzip` beside real nginx.

import fs from 'node:fs';
import { test } from 'node:test';
import zlib from 'node:zlib';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;
const time = 1_600_000_000;

function config(site: Site): string {
  const { folder } = site;
  const write = (name: string, content: Buffer | string): void => {
    fs.writeFileSync(`${folder}/${name}`, content);
    fs.utimesSync(`${folder}/${name}`, time, time);
  };
  write('both.txt', 'the plain form\n');
  write('both.txt.gz', zlib.gzipSync('the packed form\n'));
  write('plain.txt', 'plain only\n');
  write('packed.txt.gz', zlib.gzipSync('packed only\n'));
  fs.mkdirSync(`${folder}/folder.txt.gz`, { recursive: true });
  write('folder.txt', 'beside a folder\n');
  return text(site);
}

const text = ({ port, folder }: Site): string => `
events {}
http {
  types { text/plain txt; }
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    location / { gzip_static on; }
    location /vary/ { alias ${folder}/; gzip_static on; gzip_vary on; }
    location /always/ { alias ${folder}/; gzip_static always; }
    location /unpacked/ { alias ${folder}/; gzip_static always; gunzip on; }
    location /unpacked-vary/ { alias ${folder}/; gzip_static always; gunzip on; gzip_vary on; }
    location /packed-vary/ { alias ${folder}/; gzip_static on; gunzip on; gzip on; gzip_min_length 1; gzip_types text/plain; gzip_vary on; }
    location /off/ { alias ${folder}/; }
  }
}`;

const accepting = { 'Accept-Encoding': 'gzip' };
const files = ['both.txt', 'plain.txt', 'packed.txt', 'folder.txt', 'none.txt'];

const requests: ComparedRequest[] = [
  ...['/', '/vary/', '/always/', '/unpacked/', '/unpacked-vary/', '/off/'].flatMap((prefix) =>
    files.flatMap((file) => [
      { name: `${prefix}${file}`, path: prefix + file },
      { name: `${prefix}${file} gzip`, path: prefix + file, headers: accepting },
    ]),
  ),
  ...files.map((file) => ({ path: `/packed-vary/${file}` })),
  { method: 'HEAD', path: '/both.txt', headers: accepting },
  { method: 'POST', path: '/both.txt', headers: accepting, body: 'x' },
  { path: '/both.txt', name: 'range', headers: { ...accepting, Range: 'bytes=0-3' } },
];

test('files compressed beforehand are sent as by nginx', { skip, timeout: 60_000 }, async (t) => {
  assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
});
