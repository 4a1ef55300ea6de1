// Conditional requests and ranges of files, beside real nginx.

import fs from 'node:fs';
import { test } from 'node:test';
import type { ComparedPair, ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;
const time = 1_600_000_000;
const exact = new Date(time * 1000).toUTCString();
const before = new Date((time - 10) * 1000).toUTCString();
const after = new Date((time + 10) * 1000).toUTCString();
const tag = `"${time.toString(16)}-a"`;

// The obsolete forms of the same time (RFC 9110 5.6.7), and what comes close to a date.
const obsolete = ['Sunday, 13-Sep-20 12:26:40 GMT', 'Sun Sep 13 12:26:40 2020'];
const noDates = [
  '0',
  '2020',
  '1600000000',
  '2020-09-13T12:26:40Z',
  'Sun, 13 Sep 2020 12:26',
  'Sun, 13 Foo 2020 12:26:40 GMT',
  'Sun, 32 Sep 2020 12:26:40 GMT',
  'Sun, 13 Sep 2020 24:26:40 GMT',
];
const strict = 'nginx takes whatever stands for the zone as GMT';
const otherZones = [
  'Sun, 13 Sep 2020 12:26:40',
  'Sun, 13 Sep 2020 12:26:40 UTC',
  'Sun, 13 Sep 2020 12:26:40 +0200',
  `${exact}; length=10`,
];

function config(site: Site): string {
  fs.writeFileSync(`${site.folder}/ten.txt`, '0123456789');
  fs.utimesSync(`${site.folder}/ten.txt`, time, time);
  fs.writeFileSync(`${site.folder}/empty.txt`, '');
  fs.utimesSync(`${site.folder}/empty.txt`, time, time);
  fs.writeFileSync(`${site.folder}/large.bin`, Buffer.alloc(300_000, 'abcdefgh'));
  fs.utimesSync(`${site.folder}/large.bin`, time, time);
  return text(site);
}

const text = ({ port, folder }: Site): string => `
events {}
http {
  types { text/plain txt; }
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    location / { }
    location /before/ { alias ${folder}/; if_modified_since before; }
    location /off/ { alias ${folder}/; if_modified_since off; }
    location /no-etag/ { alias ${folder}/; etag off; }
    location /one/ { alias ${folder}/; max_ranges 1; }
    location /no-ranges/ { alias ${folder}/; max_ranges 0; }
    location /gzip/ { alias ${folder}/; gzip on; gzip_types *; gzip_min_length 1; }
    location /header/ { alias ${folder}/; add_header X-Added 1; expires epoch; }
    location /return/ { return 200 text; }
    location /page/ { alias ${folder}/; error_page 416 412 =200 /ten.txt; }
  }
}`;

const conditions: readonly (readonly [string, string])[] = [
  ['If-Modified-Since', exact],
  ['If-Modified-Since', before],
  ['If-Modified-Since', after],
  ['If-Modified-Since', 'nonsense'],
  ['If-Unmodified-Since', exact],
  ['If-Unmodified-Since', before],
  ['If-Unmodified-Since', after],
  ['If-None-Match', tag],
  ['If-None-Match', `W/${tag}`],
  ['If-None-Match', '"other"'],
  ['If-None-Match', `"a", ${tag}, "b"`],
  ['If-None-Match', '*'],
  ['If-Match', tag],
  ['If-Match', `W/${tag}`],
  ['If-Match', '"other"'],
  ['If-Match', '*'],
];

const ranges = [
  'bytes=0-0',
  'bytes=0-4',
  'bytes=5-',
  'bytes=-3',
  'bytes=-100',
  'bytes=9-20',
  'bytes=10-',
  'bytes=20-30',
  'bytes=5-2',
  'bytes=-0',
  'bytes=',
  'bytes=a-b',
  'bytes=0-1,3-4',
  'bytes=0-1, 3-4 , 8-',
  'bytes=0-5,2-9',
  'bytes=0-9,0-9',
  'bytes=0-1,20-30',
  'bytes=20-,30-',
  'items=0-1',
  'Bytes=0-1',
  'bytes=0-1,',
  'bytes 0-1',
  'bytes=1-1,3-3',
  'bytes=99999999999999999999-',
  'bytes=0-99999999999999999999',
  'bytes= 1 - 2 ',
];

const dates = ['If-Modified-Since', 'If-Unmodified-Since', 'If-Range'].flatMap((name) => {
  const asked = (value: string): ComparedRequest => ({
    name: `${name}: ${value}`,
    path: '/ten.txt',
    headers: name === 'If-Range' ? { [name]: value, Range: 'bytes=2-3' } : { [name]: value },
  });
  return [
    ...[...obsolete, ...noDates].map(asked),
    ...otherZones.map((value) => ({ ...asked(value), differs: strict })),
  ];
});

const requests: ComparedRequest[] = [
  ...dates,
  ...conditions.map(([name, value]) => ({
    name: `${name}: ${value}`,
    path: '/ten.txt',
    headers: { [name]: value },
  })),
  ...['/before/', '/off/', '/no-etag/'].flatMap((prefix) =>
    conditions.slice(0, 9).map(([name, value]) => ({
      name: `${prefix} ${name}: ${value}`,
      path: `${prefix}ten.txt`,
      headers: { [name]: value },
    })),
  ),
  ...conditions.map(([name, value]) => ({
    name: `return, ${name}: ${value}`,
    path: '/return/',
    headers: { [name]: value },
  })),
  {
    name: 'both',
    path: '/ten.txt',
    headers: { 'If-Modified-Since': exact, 'If-None-Match': '"x"' },
  },
  {
    name: 'both good',
    path: '/ten.txt',
    headers: { 'If-Modified-Since': exact, 'If-None-Match': tag },
  },
  ...ranges.map((value) => ({
    name: `Range: ${value}`,
    path: '/ten.txt',
    headers: { Range: value },
  })),
  ...['bytes=0-0', 'bytes=-1', 'bytes=0-', 'bytes=2-5', 'bytes=1-'].map((value) => ({
    name: `empty, Range: ${value}`,
    path: '/empty.txt',
    headers: { Range: value },
  })),
  ...[tag, '"other"', `W/${tag}`, exact, before, 'nonsense'].map((value) => ({
    name: `If-Range: ${value}`,
    path: '/ten.txt',
    headers: { Range: 'bytes=2-3', 'If-Range': value },
  })),
  { path: '/one/ten.txt', headers: { Range: 'bytes=1-2' } },
  { path: '/one/ten.txt', name: 'two of one', headers: { Range: 'bytes=1-2,4-5' } },
  { path: '/no-ranges/ten.txt', headers: { Range: 'bytes=1-2' } },
  { path: '/no-ranges/ten.txt', name: 'no ranges' },
  { path: '/header/ten.txt', headers: { Range: 'bytes=1-2' } },
  { path: '/header/ten.txt', name: 'header 304', headers: { 'If-None-Match': tag } },
  {
    path: '/page/ten.txt',
    headers: { Range: 'bytes=20-' },
    differs: 'nginx sends the ETag twice',
  },
  { path: '/page/ten.txt', name: 'page 412', headers: { 'If-Match': '"x"' } },
  { path: '/large.bin', headers: { Range: 'bytes=100000-250000' } },
  { path: '/large.bin', name: 'large parts', headers: { Range: 'bytes=0-99999,200000-299998' } },
  { method: 'HEAD', path: '/ten.txt', headers: { Range: 'bytes=1-2' } },
  { method: 'HEAD', path: '/ten.txt', name: 'HEAD 304', headers: { 'If-None-Match': tag } },
];

// Each side draws its own boundary.
function withoutBoundary(pair: ComparedPair): ComparedPair {
  const side = (observed: ComparedPair['nginx']): ComparedPair['nginx'] => ({
    ...observed,
    answers: observed.answers.map((answer) => ({
      ...answer,
      headers: answer.headers.map(([name, value]) => [
        name,
        value.replace(/boundary=\d{20}/, 'boundary=B'),
      ]),
      body: answer.body.replace(/--\d{20}/g, '--B'),
    })) as ComparedPair['nginx']['answers'],
  });
  return { ...pair, nginx: side(pair.nginx), proxy: side(pair.proxy) };
}

test('conditions and ranges are answered as by nginx', { skip, timeout: 60_000 }, async (t) => {
  const pairs = await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t });
  assertSameAsNginx(pairs.map(withoutBoundary));
});
