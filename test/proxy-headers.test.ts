// Field lines on their way through the proxy, beside real nginx: what the upstream gets of a
// request, and what the client gets of a response, the order of the lines included.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyPass, proxySetHeader } from '../src/modules/proxy-rows.ts';
import { headerNamesInOrder } from './kit/field-order.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedPair, ComparedRequest, Site } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import type { Answer, RecordedRequest } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;

function assertSameOrder(pairs: readonly ComparedPair[]): void {
  for (const { name, differs, nginx, proxy } of pairs) {
    if (differs !== null) continue;
    assert.deepEqual(headerNamesInOrder(proxy), headerNamesInOrder(nginx), `order: ${name}`);
  }
}

const requestConfig = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    server_name first.test;
    location / { proxy_pass http://${upstream}; }
    location /group/ { proxy_pass http://group; }
    location /set/ {
      proxy_set_header Connection "";
      proxy_set_header X-Constant "a b";
      proxy_set_header X-Two "$scheme://$host:$server_port$request_uri";
      proxy_set_header X-Empty "";
      proxy_set_header X-Empty-Variable $http_absent;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Accept-Encoding "";
      proxy_set_header User-Agent "agent of $host";
      proxy_set_header X-Twice 1;
      proxy_set_header X-Twice 2;
      proxy_pass http://group;
      location /set/none/ { proxy_pass http://group; }
      location /set/own/ { proxy_set_header X-Own 1; proxy_set_header Connection ""; proxy_pass http://group; }
    }
    location /host/ { proxy_set_header Host $host; proxy_set_header Connection ""; proxy_pass http://group; }
    location /http-host/ { proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_pass http://group; }
    location /proxy-host/ { proxy_set_header Host $proxy_host:$proxy_port; proxy_set_header Connection ""; proxy_pass http://group; }
    location /no-host/ { proxy_set_header Host ""; proxy_set_header Connection ""; proxy_pass http://group; }
    location /upgrade/ {
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_pass http://group;
    }
    location /close/ { proxy_set_header Connection close; proxy_pass http://group; }
    location /no-fields/ { proxy_pass_request_headers off; proxy_pass http://group; }
    location /own-length/ { proxy_set_header Content-Length $content_length; proxy_set_header Connection ""; proxy_pass http://group; }
    location /unbuffered/ { proxy_request_buffering off; proxy_pass http://group; }
    location /te/ { proxy_set_header TE trailers; proxy_set_header Connection "TE"; proxy_pass http://group; }
    location /v10/ { proxy_http_version 1.0; proxy_set_header Connection close; proxy_pass http://group; }
  }
  server {
    listen 127.0.0.1:${port};
    server_name other.test;
    location / { proxy_pass http://group; }
  }
  server {
    listen 127.0.0.1:PORT1;
    underscores_in_headers on;
    location / { proxy_pass http://group; }
  }
  server {
    listen 127.0.0.1:PORT2;
    ignore_invalid_headers off;
    location / { proxy_pass http://group; }
  }
}`;

const host = { Host: 'first.test' };
const many: [string, string][] = [
  ['Host', 'First.Test:8080'],
  ['User-Agent', 'me'],
  ['accept', '*/*'],
  ['ACCEPT-ENCODING', 'gzip'],
  ['X-Custom', 'a, b ;c="d"'],
  ['Cookie', 'a=1; b=2'],
  ['Cookie', 'c=3'],
  ['X-Forwarded-For', '10.0.0.1'],
  ['X-Forwarded-For', '10.0.0.2, 10.0.0.3'],
  ['X-Twice', 'client'],
  ['X-Empty', 'client'],
  ['Via', '1.1 a'],
  ['Via', '1.1 b'],
  ['Range', 'bytes=0-1'],
  ['If-Modified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['If-None-Match', '"a"'],
  ['Authorization', 'Basic YTpi'],
  ['Origin', 'null'],
];

const everyPlace = [
  '/',
  '/group/',
  '/set/',
  '/set/none/',
  '/set/own/',
  '/host/',
  '/http-host/',
  '/proxy-host/',
  '/no-host/',
  '/close/',
  '/no-fields/',
  '/own-length/',
  '/unbuffered/',
  '/te/',
  '/v10/',
];

const hopByHop: [string, string][] = [
  ['Host', 'first.test'],
  ['Connection', 'keep-alive'],
  ['Keep-Alive', 'timeout=5'],
  ['TE', 'trailers'],
  ['Upgrade', 'websocket'],
  ['Expect', '100-continue'],
];

const requests: ComparedRequest[] = [
  ...everyPlace.flatMap((path): ComparedRequest[] => [
    { path, headers: many },
    { path, method: 'POST', headers: host, body: 'abc' },
    {
      path,
      method: 'POST',
      headers: { ...host, 'Transfer-Encoding': 'chunked' },
      body: 'abcd',
      // nginx passes on in length what happens to be in its buffer already.
      ...(path === '/unbuffered/' ? { differs: 'a body that is not buffered stays chunked' } : {}),
    },
    { path, method: 'PUT', headers: { ...host, 'Content-Length': '0' } },
    { path, method: 'GET', headers: host, body: 'body of GET' },
    { path, version: '1.0', headers: many },
    { path, raw: `GET ${path} HTTP/1.0\r\n\r\n` },
  ]),
  { name: 'hop-by-hop', headers: hopByHop },
  { name: 'hop-by-hop kept out of /set/', path: '/set/', headers: hopByHop },
  {
    name: 'fields that Connection names',
    headers: { ...host, Connection: 'X-Secret, close', 'X-Secret': '1', 'X-Other': '2' },
    differs: proxyPass.differs ?? '',
  },
  { name: 'empty values', headers: { ...host, 'X-Nothing': '', Accept: '' } },
  {
    name: 'white space',
    headers: [
      ['Host', 'first.test'],
      ['X-Space', '  a  b\t '],
    ],
  },
  { name: 'latin1 values', headers: { ...host, 'X-Latin': 'caf\xe9 \xff' } },
  { name: 'underscores off', headers: { ...host, a_b: '1', 'X-Ok': '2' } },
  { name: 'underscores on', to: 1, headers: { ...host, a_b: '1', 'X-Ok': '2' } },
  { name: 'odd names ignored', headers: { ...host, 'a.b': '1', 'x!y': '2', 'X-Ok': '3' } },
  { name: 'other server', headers: { Host: 'other.test' } },
  { name: 'unknown host', path: '/host/', headers: { Host: 'unknown.test:99' } },
  { name: 'IPv6 host', path: '/host/', headers: { Host: '[::1]:99' } },
  { name: 'host with dot', path: '/host/', headers: { Host: 'First.TEST.' } },
  { name: 'http_host kept', path: '/http-host/', headers: { Host: 'First.TEST.:80' } },
  { name: 'expect', method: 'POST', headers: { ...host, Expect: '100-continue' }, body: 'abc' },
  {
    name: 'chunked with trailers and extensions',
    raw:
      'POST / HTTP/1.1\r\nHost: first.test\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n',
  },
  {
    name: 'websocket asked',
    path: '/upgrade/',
    headers: { ...host, Connection: 'Upgrade', Upgrade: 'websocket' },
  },
  { name: 'websocket not asked', path: '/upgrade/', headers: host },
  {
    name: 'websocket where nothing is configured',
    headers: { ...host, Connection: 'Upgrade', Upgrade: 'websocket' },
  },
  {
    name: 'h2c',
    path: '/upgrade/',
    headers: {
      ...host,
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'A',
    },
    differs: proxySetHeader.differs ?? '',
  },
];

test('the upstream gets the fields that nginx sends, in its order', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: (site) =>
      requestConfig(site)
        .replace('PORT1', String(site.ports[1]))
        .replace('PORT2', String(site.ports[2])),
    requests,
    listens: 3,
    ignore: { errorPages: true },
    scope: t,
  });
  assertSameAsNginx(pairs);
  assertSameOrder(pairs);
});

const responseConfig = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstream}; }
  server {
    listen 127.0.0.1:${port};
    server_name first.test;
    location / { proxy_pass http://${upstream}; }
    location /hide/ {
      proxy_pass http://${upstream};
      proxy_hide_header X-Custom;
      proxy_hide_header Set-Cookie;
      proxy_hide_header ETag;
      proxy_pass_header Server;
      proxy_pass_header Date;
      proxy_pass_header X-Accel-Expires;
      location /hide/inherited/ { proxy_pass http://${upstream}; }
      location /hide/own/ { proxy_pass http://${upstream}; proxy_hide_header Via; }
    }
    location /prefix/ { proxy_pass http://${upstream}/; }
    location /deep/ { proxy_pass http://${upstream}/inside/; }
    location /group/ { proxy_pass http://group/; }
    location /group-plain/ { proxy_pass http://group; }
    location ~ ^/regex/ { proxy_pass http://group; }
    location /off/ { proxy_redirect off; proxy_pass http://${upstream}/; }
    location /replace/ {
      proxy_redirect http://elsewhere.test/ /here/;
      proxy_redirect http://$http_x_from/ $scheme://$host:$server_port/from/;
      proxy_redirect ~^http://re(\\d+)\\.test/(.*)$ /re/$1/$2;
      proxy_redirect ~*^HTTP://case\\.test(?<rest>/.*)$ $rest;
      proxy_redirect / /prefixed/;
      proxy_pass http://${upstream}/;
    }
    location /default-too/ {
      proxy_pass http://${upstream}/;
      proxy_redirect default;
      proxy_redirect http://elsewhere.test/ /here/;
    }
    location /v10/ { proxy_http_version 1.0; proxy_pass http://${upstream}; }
    location /unbuffered/ { proxy_buffering off; proxy_pass http://${upstream}; }
    location /unchunked/ { chunked_transfer_encoding off; proxy_pass http://${upstream}; }
    location /keepalive-field/ { keepalive_timeout 75s 60s; proxy_pass http://${upstream}; }
  }
}`;

const chunks = '3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n';
const answers: Readonly<Record<string, Answer>> = {
  plain: {},
  many: {
    headers: [
      ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ['X-First', '1'],
      ['Server', 'upstream'],
      ['Set-Cookie', 'a=1; Path=/'],
      ['content-type', 'text/html; charset=utf-8'],
      ['Set-Cookie', 'b=2; Domain=x'],
      ['X-Custom', 'x'],
      ['Last-Modified', 'Thu, 01 Jan 1970 00:00:01 GMT'],
      ['ETag', '"abc"'],
      ['Cache-Control', 'no-cache'],
      ['Cache-Control', 'private'],
      ['Expires', '0'],
      ['Vary', 'Accept'],
      ['Vary', 'Cookie'],
      ['Via', '1.1 x'],
      ['Link', '</a>; rel=preload'],
      ['Accept-Ranges', 'bytes'],
      ['Content-Length', '3'],
      ['WWW-Authenticate', 'Basic realm="x"'],
      ['WWW-Authenticate', 'Digest'],
      ['X-Pad', 'x'],
      ['X-Accel-Expires', '1'],
      ['X-Accel-Charset', 'utf-8'],
      ['Content-Encoding', 'identity'],
      ['Content-Language', 'en'],
      ['Content-Disposition', 'attachment; filename="a b"'],
      ['Strict-Transport-Security', 'max-age=1'],
      ['Keep-Alive', 'timeout=5'],
      ['Connection', 'keep-alive'],
      ['X-Empty', ''],
      ['X-Last', '9'],
    ],
  },
  'no-type': { headers: { 'X-A': '1' } },
  chunked: { raw: `HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}\r\n` },
  trailers: {
    raw: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n${chunks}X-T: 1\r\n\r\n`,
  },
  'close-delimited': { raw: 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nuntil the end', close: true },
  'close-with-length': {
    raw: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc',
    close: true,
  },
  'old-close': { raw: 'HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nuntil the end', close: true },
  'old-length': { raw: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab', close: true },
  empty: { body: '' },
  '201': { status: 201, reason: 'Created', headers: { Location: '/new' } },
  '204': { status: 204, reason: 'No Content' },
  '204-type': {
    status: 204,
    reason: 'No Content',
    headers: { 'Content-Type': 'text/plain', 'X-A': 'b' },
  },
  '304': {
    status: 304,
    reason: 'Not Modified',
    headers: { ETag: '"a"', 'Content-Type': 'text/plain' },
  },
  '304-length': {
    status: 304,
    reason: 'Not Modified',
    headers: { ETag: '"a"', 'Content-Length': '99' },
  },
  '206': { status: 206, reason: 'Partial Content', headers: { 'Content-Range': 'bytes 0-2/9' } },
  '404': { status: 404, reason: 'Not Found', body: 'own page' },
  '401': { status: 401, reason: 'Unauthorized', headers: { 'WWW-Authenticate': 'Basic' } },
  '418': { status: 418, reason: 'I am a teapot' },
  '599': { status: 599, reason: 'Odd' },
  '999': { status: 999, reason: 'Odder' },
  'other-reason': { status: 200, reason: 'Everything fine' },
  'latin-reason': { raw: 'HTTP/1.1 404 caf\xe9\r\nContent-Length: 0\r\n\r\n' },
  'no-reason': { raw: 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n' },
  'no-space': { raw: 'HTTP/1.1 204\r\n\r\n' },
};

const differing: Readonly<Record<string, string>> = {
  trailers: proxyPass.differs ?? '',
  'no-space': 'the space after the status code is part of the grammar (RFC 9112, 4)',
};

const answerRequests: ComparedRequest[] = Object.keys(answers).flatMap((name) => {
  return [
    { path: `/${name}` },
    { path: `/${name}`, method: 'HEAD' },
    { path: `/${name}`, version: '1.0' as const },
    { path: `/${name}`, version: '1.0' as const, headers: { Connection: 'keep-alive' } },
    { path: `/${name}`, headers: { Connection: 'close' } },
    { path: `/v10/${name}` },
    { path: `/unbuffered/${name}` },
    { path: `/unchunked/${name}` },
    { path: `/keepalive-field/${name}` },
  ].map((row) => ({
    ...row,
    name: `${row.method ?? 'GET'} ${row.path} ${row.version ?? ''} ${JSON.stringify(row.headers ?? {})}`,
    ...(differing[name] === undefined ? {} : { differs: differing[name] }),
  }));
});

const hideRequests: ComparedRequest[] = ['/hide/', '/hide/inherited/', '/hide/own/'].flatMap(
  (place) =>
    Object.keys(answers).map((name) => ({
      path: place + name,
      ...(differing[name] === undefined ? {} : { differs: differing[name] }),
    })),
);

const locations = [
  'SELF/',
  'SELF/path?x',
  'SELF/inside/path',
  'SELF',
  'http://group/path',
  'http://group',
  '/path',
  '/inside/x',
  '//other/path',
  'path',
  '',
  'http://elsewhere.test/a',
  'http://from.test/a',
  'http://re42.test/a/b?c',
  'http://CASE.test/a',
  'https://elsewhere.test/a',
];
const redirectPlaces = [
  '/',
  '/prefix/',
  '/deep/',
  '/group/',
  '/group-plain/',
  '/regex/',
  '/off/',
  '/replace/',
  '/default-too/',
];

function answerFor(target: string, address: string, wanted: string): Answer {
  const name = target.split('/').at(-1) ?? '';
  if (name !== 'redirect' && name !== 'refresh') return answers[name] ?? {};
  const value = wanted.replace('SELF', `http://${address}`);
  return name === 'redirect'
    ? {
        status: 302,
        reason: 'Found',
        headers: [
          ['X-Before', '1'],
          ['Location', value],
          ['X-After', '2'],
        ],
      }
    : { headers: { Refresh: `5; url=${value}` } };
}

function forMethod(method: string, answer: Answer): Answer {
  if (method !== 'HEAD' || typeof answer.raw !== 'string') return answer;
  const last = answer.raw.lastIndexOf('HTTP/');
  return { ...answer, raw: answer.raw.slice(0, answer.raw.indexOf('\r\n\r\n', last) + 4) };
}

const redirectRequests: ComparedRequest[] = redirectPlaces.flatMap((place) =>
  locations.flatMap((value) =>
    ['redirect', 'refresh'].map((kind) => ({
      name: `${kind} ${value} in ${place}`,
      path: `${place}${kind}`,
      headers: { Host: 'client.test', 'X-From': 'from.test', 'X-Wanted': value },
    })),
  ),
);

const answering = {
  upstream: {
    answer: (request: RecordedRequest): Answer =>
      forMethod(
        request.method,
        answerFor(
          request.target,
          request.headerAll('host')[0] ?? '',
          request.headerAll('x-wanted')[0] ?? '',
        ),
      ),
  },
};

test('the client gets the fields that nginx sends, in its order', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: responseConfig,
    requests: [...answerRequests, ...redirectRequests],
    upstreams: answering,
    scope: t,
  });
  assertSameAsNginx(pairs);
  assertSameOrder(pairs);
});

test('fields of the upstream are hidden and shown as nginx does it', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: responseConfig,
    requests: hideRequests,
    upstreams: answering,
    ignore: { answerHeaders: [] },
    scope: t,
  });
  assertSameAsNginx(pairs);
  assertSameOrder(pairs);
});

test('interim responses of the upstream are not taken for the final one', async (t) => {
  const final = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
  const upstream = await RecordingUpstream.start({ answer: { raw: interim + final } }, t);
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port}; location / { proxy_pass http://${upstream.address}; } } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  for (let i = 0; i < 2; i += 1) {
    const { status, body, headers } = await connection.request();
    assert.deepEqual([status, body.toString()], [200, 'ok']);
    assert.ok(!headers.some(([name]) => name === 'Link'));
  }
  connection.close();
  assert.equal(upstream.connectionCount, 1, 'the upstream connection is of use afterwards');
});
