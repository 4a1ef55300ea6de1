// `gzip` beside real nginx, and brotli and zstd: what is compressed, for whom, and that it comes out
// as it went in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import type { ComparedPair, ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;
const text = 'a text that repeats itself; '.repeat(60);

const config = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  gzip on;
  gzip_min_length 100;
  default_type text/html;
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "${text}"; }
    location /vary/ { gzip_vary on; return 200 "${text}"; }
    location /vary-small/ { gzip_vary on; return 200 "small"; }
    location /plain/ { default_type text/plain; return 200 "${text}"; }
    location /types/ { default_type text/plain; gzip_types text/plain; return 200 "${text}"; }
    location /all/ { default_type image/png; gzip_types *; return 200 "${text}"; }
    location /charset/ { default_type "text/html; charset=utf-8"; return 200 "${text}"; }
    location /off/ { gzip off; return 200 "${text}"; }
    location /encoded/ { add_header Content-Encoding x; return 200 "${text}"; }
    location /old/ { gzip_http_version 1.0; return 200 "${text}"; }
    location /any/ { gzip_proxied any; return 200 "${text}"; }
    location /auth/ { gzip_proxied auth; return 200 "${text}"; }
    location /no-cache/ { gzip_proxied no-cache; expires -1; return 200 "${text}"; }
    location /expired/ { gzip_proxied expired; expires -1; return 200 "${text}"; }
    location /no-etag/ { gzip_proxied no_etag; return 200 "${text}"; }
    location /disable/ { gzip_disable "Old.*Browser" msie6; return 200 "${text}"; }
    location /if/ { gzip off; if ($arg_a) { gzip on; } return 200 "${text}"; }
    location /status/ { return 404 "${text}"; }
    location /created/ { return 201 "${text}"; }
    location /proxied/ { gzip_types text/plain; gzip_min_length 1; proxy_pass http://group; }
  }
}`;

const accepting = { 'Accept-Encoding': 'gzip' };

const requests: ComparedRequest[] = [
  ...[
    '/',
    '/vary/',
    '/vary-small/',
    '/plain/',
    '/types/',
    '/all/',
    '/off/',
    '/old/',
    '/any/',
    '/if/',
    '/status/',
    '/created/',
    '/proxied/',
  ].map((path) => ({ path, headers: accepting })),
  {
    path: '/charset/',
    headers: accepting,
    differs: 'parameters of a type are not looked at',
  },
  { path: '/' },
  { path: '/vary/' },
  ...[
    'gzip;q=0',
    'gzip;q=0.5',
    'gzip; q=1',
    'deflate, gzip',
    'br',
    '*',
    'identity',
    'gzip;q=0.0',
    'xgzip',
    'gzipx',
    'GZIP',
  ].map((value) => ({
    name: `Accept-Encoding: ${value}`,
    path: '/',
    headers: { 'Accept-Encoding': value },
  })),
  ...['/', '/any/', '/auth/', '/no-cache/', '/expired/', '/no-etag/'].map((path) => ({
    name: `${path} through a proxy`,
    path,
    headers: { ...accepting, Via: '1.1 x' },
  })),
  { path: '/auth/', headers: { ...accepting, Via: '1.1 x', Authorization: 'Basic eDp5' } },
  { path: '/disable/', headers: { ...accepting, 'User-Agent': 'An Old Test Browser' } },
  {
    path: '/disable/',
    headers: { ...accepting, 'User-Agent': 'Mozilla/4.0 (compatible; MSIE 6.0)' },
  },
  { path: '/disable/', headers: { ...accepting, 'User-Agent': 'A new one' } },
  { method: 'HEAD', path: '/', headers: accepting },
];

// The compressed bytes of two versions of zlib differ; what is in them must not.
function unpacked(pair: ComparedPair): ComparedPair {
  const side = (observed: ComparedPair['nginx']): ComparedPair['nginx'] => ({
    ...observed,
    answers: observed.answers.map((answer, i) => {
      const raw = observed.rawAnswers[i];
      const coded = answer.headers.some(
        ([name, value]) => name === 'content-encoding' && value === 'gzip',
      );
      if (raw === undefined || !coded || raw.body.length === 0) return answer;
      return { ...answer, body: zlib.gunzipSync(raw.body).toString() };
    }),
  });
  return { ...pair, nginx: side(pair.nginx), proxy: side(pair.proxy) };
}

test('gzip compresses what nginx compresses', { skip, timeout: 60_000 }, async (t) => {
  const pairs = await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t });
  assertSameAsNginx(pairs.map(unpacked));
});

const decoders = {
  br: zlib.brotliDecompressSync,
  zstd: zlib.zstdDecompressSync,
  gzip: zlib.gunzipSync,
} as const;

test('the first of brotli, zstd and gzip that the client takes is used', async (t) => {
  const started = await startProxy(
    `events {} http { default_type text/html; brotli on; zstd on; gzip on;
      server { listen 127.0.0.1:0; location / { return 200 "${text}"; } } }`,
    { scope: t },
  );
  const [listening] = started.proxy.addresses();
  assert.ok(listening?.address.kind === 'ip');
  const url = `http://127.0.0.1:${listening.address.port}/`;
  for (const [accepted, expected] of [
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, zstd', 'zstd'],
    ['gzip', 'gzip'],
    ['br;q=0, zstd;q=0, gzip', 'gzip'],
  ] as const) {
    const { body, coding } = await rawGet(url, accepted);
    assert.equal(coding, expected);
    assert.equal(decoders[expected](body).toString(), text);
  }
  const { body, coding } = await rawGet(url, 'identity');
  assert.equal(coding, undefined);
  assert.equal(body.toString(), text);
});

async function rawGet(
  url: string,
  accepted: string,
): Promise<{ body: Buffer; coding: string | undefined }> {
  const http = await import('node:http');
  return await new Promise((resolve, reject) => {
    http
      .get(url, { headers: { 'Accept-Encoding': accepted } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ body: Buffer.concat(chunks), coding: response.headers['content-encoding'] });
        });
      })
      .on('error', reject);
  });
}
