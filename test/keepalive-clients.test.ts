// Several requests over one client connection: their order, what ends the connection, bodies that
// nobody reads, limits, and requests that come in pieces. Beside real nginx.

import { test } from 'node:test';
import { largeClientHeaderBuffers } from '../src/modules/client.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { formatRequest } from './kit/raw-client.ts';
import type { RawConnection, RawResponse, RequestOptions } from './kit/raw-client.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const config = ({ ports: [port, small, one], upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstream}; keepalive 4; }
  default_type text/plain;
  server {
    listen 127.0.0.1:${port};
    location /proxied/ { proxy_pass http://group; }
    location /unbuffered/ { proxy_request_buffering off; proxy_pass http://group; }
    location /text { return 200 "text for $request_method $uri on $connection_requests"; }
    location /missing { return 404; }
    location /no-keepalive { keepalive_timeout 0; return 200 "closing"; }
    location /shown { keepalive_timeout 75s 20s; return 200 "shown"; }
    location /three { keepalive_requests 3; return 200 "$connection_requests"; }
    location /limited/ { client_max_body_size 10; proxy_pass http://group; }
    location /limited-unbuffered/ { client_max_body_size 10; proxy_request_buffering off; proxy_pass http://group; }
    location /limited-text { client_max_body_size 10; return 200 "limited text"; }
    location /unlimited/ { client_max_body_size 0; proxy_pass http://group; }
    location /dead { proxy_pass http://127.0.0.1:1; }
    location /redirect { return 302 /text; }
  }
  server {
    listen 127.0.0.1:${small};
    large_client_header_buffers 2 1k;
    location / { return 200 "$request_length"; }
  }
  server {
    listen 127.0.0.1:${one};
    keepalive_requests 1;
    location / { return 200 "only one"; }
  }
}`;

type Exchange = (connection: RawConnection) => Promise<RawResponse[]>;

/** Sends the requests one after the other; then says whether the connection was closed. */
function inTurn(...rows: readonly RequestOptions[]): Exchange {
  return async (connection) => {
    const answers: RawResponse[] = [];
    for (const row of rows) answers.push(await connection.request(row));
    return answers;
  };
}

/** Sends all at once and reads all answers. */
function pipelined(...rows: readonly RequestOptions[]): Exchange {
  return async (connection) => {
    await connection.send(Buffer.concat(rows.map(formatRequest)));
    return connection.responses(rows.map((row) => row.method ?? 'GET'));
  };
}

async function answersUntilClose(connection: RawConnection, most: number): Promise<RawResponse[]> {
  const answers: RawResponse[] = [];
  for (let i = 0; i < most; i += 1) answers.push(await connection.response());
  await connection.closed();
  return answers;
}

/** Sends bytes, expects `count` answers and then the close. */
function closesAfter(count: number, bytes: string): Exchange {
  return async (connection) => {
    await connection.send(bytes);
    return answersUntilClose(connection, count);
  };
}

/** Sends bytes; the connection must take another request afterwards. */
function staysOpenAfter(bytes: string): Exchange {
  return async (connection) => {
    await connection.send(bytes);
    const first = await connection.response();
    return [first, await connection.request({ path: '/text/after' })];
  };
}

function inPieces(size: number, ...rows: readonly RequestOptions[]): Exchange {
  return async (connection) => {
    await connection.sendInPieces(Buffer.concat(rows.map(formatRequest)), size, 1);
    return connection.responses(rows.map((row) => row.method ?? 'GET'));
  };
}

const chunkedBody = { 'Transfer-Encoding': 'chunked' };
const get = (path: string): RequestOptions => ({ path });
const post = (path: string, body = 'abc'): RequestOptions => ({ method: 'POST', path, body });
const postChunked = (path: string, body = 'abcde'): RequestOptions => ({
  method: 'POST',
  path,
  headers: chunkedBody,
  body,
});

const mixed: readonly RequestOptions[] = [
  get('/proxied/1'),
  post('/proxied/2'),
  get('/text/3'),
  postChunked('/proxied/4'),
  get('/missing/5'),
  { method: 'HEAD', path: '/proxied/6' },
  { method: 'HEAD', path: '/text/7' },
  post('/text/8', 'x'.repeat(3000)),
  postChunked('/text/9'),
  get('/redirect'),
  get('/dead'),
  post('/unbuffered/10', 'y'.repeat(3000)),
  get('/proxied/11?a=b'),
  { method: 'OPTIONS', path: '/proxied/12' },
  { method: 'DELETE', path: '/proxied/13', body: 'z' },
  post('/missing/14'),
  get('/proxied/15'),
];

const line = (bytes: number): string => `/${'u'.repeat(bytes - 'GET / HTTP/1.1\r\n'.length)}`;
const field = (bytes: number): string => 'v'.repeat(bytes - 'X-Long: \r\n'.length);
const tooLarge = largeClientHeaderBuffers.differs ?? '';

const requests: ComparedRequest[] = [
  { name: 'many requests in turn', exchange: inTurn(...mixed) },
  { name: 'many requests pipelined', exchange: pipelined(...mixed) },
  { name: 'pipelined in pieces of 7', exchange: inPieces(7, ...mixed.slice(0, 6)) },
  {
    name: 'pipelined in pieces of 1',
    exchange: inPieces(1, get('/proxied/1'), post('/proxied/2')),
  },
  {
    name: 'chunked in pieces of 1',
    exchange: inPieces(1, postChunked('/proxied/1'), get('/text')),
  },
  {
    name: 'the same request 30 times',
    exchange: pipelined(...Array.from({ length: 30 }, (_, i) => get(`/proxied/${i}`))),
  },
  {
    name: 'Connection: close ends it after its answer',
    exchange: closesAfter(
      2,
      'GET /text HTTP/1.1\r\nHost: a\r\n\r\nGET /text/2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /text/3 HTTP/1.1\r\nHost: a\r\n\r\n',
    ),
  },
  {
    name: 'Connection: Close in any case and list',
    exchange: closesAfter(1, 'GET /text HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n'),
  },
  { name: 'HTTP/1.0 closes', exchange: closesAfter(1, 'GET /text HTTP/1.0\r\n\r\n') },
  {
    name: 'HTTP/1.0 with keep-alive stays',
    exchange: staysOpenAfter('GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'),
  },
  {
    name: 'HTTP/1.0 with keep-alive, proxied',
    exchange: staysOpenAfter('GET /proxied/x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n'),
  },
  {
    name: 'HTTP/1.0 POST with keep-alive',
    exchange: staysOpenAfter(
      'POST /proxied/x HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\nabc',
    ),
  },
  {
    name: 'keepalive_timeout 0',
    exchange: closesAfter(1, 'GET /no-keepalive HTTP/1.1\r\nHost: a\r\n\r\n'),
  },
  { name: 'keepalive_timeout with a field', exchange: inTurn(get('/shown'), get('/shown')) },
  {
    name: 'keepalive_requests 3',
    exchange: closesAfter(3, 'GET /three HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5)),
  },
  {
    name: 'keepalive_requests 1',
    to: 2,
    exchange: closesAfter(1, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  },
  {
    name: 'a body that nobody reads',
    exchange: staysOpenAfter(
      'POST /text HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789',
    ),
  },
  {
    name: 'a chunked body that nobody reads',
    exchange: staysOpenAfter(
      'POST /text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nT: 1\r\n\r\n',
    ),
  },
  {
    name: 'a body that nobody reads and that comes later',
    exchange: async (connection) => {
      await connection.send('POST /text HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
      const first = await connection.response();
      await connection.send('01234');
      await connection.send('56789GET /text/next HTTP/1.1\r\nHost: a\r\n\r\n');
      return [first, await connection.response()];
    },
  },
  {
    name: 'a large body that nobody reads',
    exchange: inTurn(post('/text', 'b'.repeat(900_000)), get('/text')),
  },
  { name: 'an error with a body', exchange: inTurn(post('/missing'), get('/text')) },
  {
    name: 'a redirect with a body',
    exchange: inTurn(post('/redirect', 'x'.repeat(100)), get('/text')),
  },
  {
    name: 'an upstream error with a body',
    exchange: inTurn(post('/dead', 'x'.repeat(100)), get('/text')),
  },
  { name: 'empty lines between requests', exchange: inTurn(get('/text')) },
  {
    name: 'an empty line after a body',
    exchange: closesAfter(
      2,
      'POST /proxied/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\nGET /text HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    ),
  },
  ...['/limited/', '/limited-unbuffered/', '/limited-text', '/unlimited/'].flatMap(
    (path): ComparedRequest[] => [
      { name: `10 bytes to ${path}`, exchange: inTurn(post(path, '0123456789'), get('/text')) },
      { name: `11 bytes to ${path}`, ...post(path, '0123456789a') },
      // Unbuffered, what arrives upstream of a chunked body depends on the moment.
      ...(path.includes('unbuffered')
        ? []
        : [
            {
              name: `10 bytes chunked to ${path}`,
              exchange: inTurn(postChunked(path, '0123456789'), get('/text')),
            },
          ]),
      ...(path === '/limited/' || path === '/unlimited/'
        ? [{ name: `11 bytes chunked to ${path}`, ...postChunked(path, '0123456789a') }]
        : []),
    ],
  ),
  {
    name: 'a length announced that is too large is refused before the body comes',
    raw: 'POST /limited/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n',
  },
  {
    name: 'expectation of a body that is too large',
    raw: 'POST /limited/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n',
  },
  {
    name: 'expectation fulfilled',
    exchange: async (connection) => {
      await connection.send(
        'POST /proxied/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
      );
      await connection.bytes('HTTP/1.1 100 Continue\r\n\r\n'.length);
      await connection.send('abc');
      return [await connection.response(), await connection.request(get('/text'))];
    },
  },
  { name: 'a request line as long as allowed', to: 1, path: line(1024) },
  { name: 'a request line that is too long', to: 1, path: line(1030) },
  { name: 'a field line as long as allowed', to: 1, headers: { 'X-Long': field(1024) } },
  {
    name: 'a field line that is too long',
    to: 1,
    headers: { 'X-Long': field(1030) },
    differs: tooLarge,
  },
  {
    name: 'too many field lines',
    to: 1,
    headers: Array.from({ length: 6 }, (_, i) => [`X-${i}`, 'v'.repeat(900)] as [string, string]),
    differs: tooLarge,
  },
  {
    name: 'an invalid request after a valid one',
    exchange: closesAfter(
      2,
      'GET /text HTTP/1.1\r\nHost: a\r\n\r\nBAD\x01\r\n\r\nGET /text HTTP/1.1\r\nHost: a\r\n\r\n',
    ),
  },
  {
    name: 'an invalid chunk after a valid request',
    exchange: closesAfter(
      2,
      'GET /text HTTP/1.1\r\nHost: a\r\n\r\nPOST /proxied/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ),
  },
];

test('requests over one connection are answered as nginx answers them', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config,
    requests,
    listens: 3,
    upstreams: {
      upstream: {
        answer: ({ method, target, body }) => ({ body: `${method} ${target} ${body.length}` }),
      },
    },
    scope: t,
  });
  assertSameAsNginx(pairs);
});
