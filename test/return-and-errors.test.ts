// `return`, redirects and error pages, beside real nginx: statuses, bodies, types, what becomes of
// the connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { largeClientHeaderBuffers } from '../src/modules/client.ts';
import { returnDirective } from '../src/modules/return.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedPair, ComparedRequest, Comparison, Site } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import type { Answer, RecordedRequest } from './kit/recording-upstream.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const codes = [
  200, 201, 202, 204, 206, 299, 300, 301, 302, 303, 304, 305, 307, 308, 399, 400, 401, 402, 403,
  404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 429, 451,
  494, 495, 496, 497, 500, 501, 502, 503, 504, 505, 506, 507, 508, 599, 600, 999,
];

const returns = ({ port }: Site): string => `
events {}
http {
  types { text/html html; text/css css; }
  default_type text/plain;
  server {
    listen 127.0.0.1:${port};
    server_name first.test;
    ${codes.map((code) => `location = /code/${code} { return ${code}; }`).join('\n    ')}
    ${codes.map((code) => `location = /text/${code} { return ${code} "text of $uri"; }`).join('\n    ')}
    ${codes.map((code) => `location = /empty/${code} { return ${code} ""; }`).join('\n    ')}
    location = /url { return http://elsewhere.test/x; }
    location = /url-https { return https://elsewhere.test$request_uri; }
    location = /url-scheme { return $scheme://elsewhere.test$uri?$args; }
    location = /close { return 444; }
    location = /close-text { return 444 text; }
    location = /page.html { return 200 "<p>"; }
    location = /style.css { return 200 "p {}"; }
    location = /typed { default_type application/json; return 200 '{"a": "$arg_a"}'; }
    location = /typed.html { default_type application/json; return 200 "{}"; }
    location = /no-type { default_type ""; return 200 "x"; }
    location = /unicode { return 200 "grün $arg_x"; }
    location = /quoted { return 200 "a\\"b\\\\c\\n\\td"; }
    location = /dollar { return 200 'a \${host}b'; }
    location /capture { location ~ ^/capture/(.*)$ { return 200 "[$1] [$2] $uri"; } }
    location /redirect/ {
      location = /redirect/path { return 301 /there; }
      location = /redirect/query { return 302 /there?a=$arg_a; }
      location = /redirect/slashes { return 302 //other.test/x; }
      location = /redirect/relative { return 302 there; }
      location = /redirect/full { return 307 https://x.test:99/y; }
      location = /redirect/empty { return 302 ""; }
      location = /redirect/uri { return 308 $uri; }
      location ~ ^/redirect/inject/([\\s\\S]*)$ { return 302 /to/$1; }
      location = /redirect/space { return 302 "/a b"; }
      location = /redirect/unicode { return 302 /ü; }
    }
    location /relative/ {
      absolute_redirect off;
      location = /relative/path { return 301 /there; }
      location = /relative/full { return 301 http://x.test/y; }
    }
    location /portless/ { port_in_redirect off; return 301 /there; }
    location /named/ { server_name_in_redirect on; return 301 /there; }
    location /named-portless/ { server_name_in_redirect on; port_in_redirect off; return 301 /there; }
  }
  server { listen 127.0.0.1:${port}; server_name server.test; return 200 "server level $uri"; location / { return 404; } }
  server { listen 127.0.0.1:${port}; server_name moved.test; return 301 https://$host$request_uri; }
  server { listen 127.0.0.1:${port}; server_name .regex.test; server_name_in_redirect on; return 301 /x; }
}`;

function row(method: string, path: string): ComparedRequest {
  const differs = differing[path];
  return differs === undefined ? { method, path } : { method, path, differs };
}

const methods = ['GET', 'HEAD', 'POST'];

const proxyAuthentication = 'nginx has a name and a page for 407 only since it answers CONNECT';

const differing: Readonly<Record<string, string>> = {
  '/code/407': proxyAuthentication,
  '/text/407': proxyAuthentication,
  '/empty/407': proxyAuthentication,
  '/code/408': returnDirective.differs ?? '',
  '/empty/408': returnDirective.differs ?? '',
  '/code/494': largeClientHeaderBuffers.differs ?? '',
  '/empty/494': largeClientHeaderBuffers.differs ?? '',
};

// The product's name is in error pages, so that their length differs; to HEAD it is all that shows.
async function compareAll(comparison: Comparison, names: readonly string[]): Promise<void> {
  const { requests } = comparison;
  const isHead = (row: ComparedRequest): boolean => row.method === 'HEAD';
  const others = await compareWithNginx({
    ...comparison,
    requests: requests.filter((row) => !isHead(row)),
  });
  assertSameAsNginx(others);
  const heads = await compareWithNginx({
    ...comparison,
    requests: requests.filter(isHead),
    ignore: { errorPages: true },
  });
  assertSameAsNginx(heads);
  const lengthOf = (pair: ComparedPair | undefined): string | undefined =>
    pair?.proxy.rawAnswers[0]?.headers.find(([name]) => name === 'Content-Length')?.[1];
  for (const name of names) {
    const get = others.find((pair) => pair.name === `GET ${name}`);
    const head = heads.find((pair) => pair.name === `HEAD ${name}`);
    assert.equal(lengthOf(head), lengthOf(get), `Content-Length of HEAD ${name}`);
  }
}

test('return answers as nginx does', { skip }, async (t) => {
  const byCode = codes.flatMap((code) =>
    ['/code/', '/text/', '/empty/'].flatMap((place) =>
      methods.map((method) => row(method, `${place}${code}`)),
    ),
  );
  const others = [
    '/url',
    '/url-https?a=b',
    '/url-scheme?a=b',
    '/close',
    '/close-text',
    '/page.html',
    '/style.css',
    '/typed?a=%22',
    '/typed.html',
    '/no-type',
    '/unicode?x=%C3%BC',
    '/quoted',
    '/dollar',
    '/capture/a%20b',
    '/capture/',
    '/redirect/path',
    '/redirect/query?a=b%20c',
    '/redirect/slashes',
    '/redirect/relative',
    '/redirect/full',
    '/redirect/empty',
    '/redirect/uri',
    '/redirect/inject/plain',
    '/redirect/inject/a%20b',
    '/redirect/space',
    '/redirect/unicode',
    '/relative/path',
    '/relative/full',
    '/portless/',
    '/named/',
    '/named-portless/',
  ];
  const requests: ComparedRequest[] = [
    ...byCode,
    ...others.map((path) => ({ path, headers: { Host: 'First.test:1234' } })),
    ...['/redirect/path', '/named/', '/relative/path'].flatMap((path): ComparedRequest[] => [
      {
        name: `${path} without Host`,
        raw: `GET ${path} HTTP/1.0\r\n\r\n`,
        ...(path === '/redirect/path' ? { differs: 'the address is not told' } : {}),
      },
      { path, version: '1.0' },
      { path, headers: { Host: 'unknown.test' } },
      { path, method: 'HEAD' },
    ]),
    { path: '/any', headers: { Host: 'server.test' } },
    { path: '/any?b', headers: { Host: 'moved.test' } },
    { path: '/any?b', headers: { Host: 'a.regex.test' } },
    {
      path: '/redirect/inject/a%0D%0AX-Evil:%201',
      differs: 'a value never goes past a line break',
    },
  ];
  const names = codes.flatMap((code) => [`/code/${code}`, `/text/${code}`]);
  await compareAll({ proxy: proxyStarter, config: returns, requests, scope: t }, names);
});

const errors = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  default_type text/plain;
  error_page 405 =200 $uri;
  error_page 418 /inherited;
  server {
    listen 127.0.0.1:${port};
    location = /inherited { return 200 "inherited $uri $status"; }
    location = /teapot { return 418; }
    location /own/ { error_page 404 /page; location = /own/teapot { return 418; } return 404; }
    location = /page { return 200 "page for $request_uri $uri $args $request_method"; }
    location = /page-403 { return 403; }
    location = /page-204 { return 204; }
    location = /page-200 { return 200; }
    location = /page-301 { return 301 /elsewhere; }
    location = /page-proxied { proxy_pass http://${upstream}/201; }
    location = /page-error { proxy_pass http://${upstream}/503; }
    location = /page-proxied-204 { proxy_pass http://${upstream}/204; }
    location = /hidden { internal; return 200 "hidden $uri"; }
    location = /keep { error_page 404 /page; return 404; }
    location = /keep-args { error_page 404 /page?code=404; return 404; }
    location = /200 { error_page 404 =200 /page; return 404; }
    location = /201 { error_page 404 =201 /page; return 404; }
    location = /204 { error_page 404 =204 /page; return 404; }
    location = /302 { error_page 404 =302 /page; return 404; }
    location = /take { error_page 404 = /page; return 404; }
    location = /take-204 { error_page 404 = /page-204; return 404; }
    location = /take-403 { error_page 404 = /page-403; return 404; }
    location = /keep-403 { error_page 404 /page-403; return 404; }
    location = /keep-204 { error_page 404 /page-204; return 404; }
    location = /keep-200 { error_page 404 /page-200; return 404; }
    location = /keep-301 { error_page 404 /page-301; return 404; }
    location = /200-301 { error_page 404 =200 /page-301; return 404; }
    location = /keep-proxied { error_page 404 /page-proxied; return 404; }
    location = /take-proxied { error_page 404 = /page-proxied; return 404; }
    location = /200-proxied { error_page 404 =200 /page-proxied; return 404; }
    location = /keep-proxied-error { error_page 404 /page-error; return 404; }
    location = /take-proxied-error { error_page 404 = /page-error; return 404; }
    location = /keep-proxied-204 { error_page 404 /page-proxied-204; return 404; }
    location = /internal { error_page 404 /hidden; return 404; }
    location = /url { error_page 404 http://elsewhere.test/x?$args; return 404; }
    location = /url-301 { error_page 404 =301 http://elsewhere.test/; return 404; }
    location = /url-200 { error_page 404 =200 http://elsewhere.test/; return 404; }
    location = /url-307 { error_page 404 =307 https://elsewhere.test$request_uri; return 404; }
    location = /variable { error_page 404 /page$arg_to; return 404; }
    location = /variable-named { error_page 404 $arg_to; return 404; }
    location = /named { error_page 404 @named; return 404; }
    location = /named-200 { error_page 404 =200 @named; return 404; }
    location = /named-take { error_page 404 = @named; return 404; }
    location = /named-absent { error_page 404 @absent; return 404; }
    location = /named-proxied { error_page 404 = @proxied; return 404; }
    location @named { return 200 "named $uri $args $request_method"; }
    location @proxied { proxy_pass http://${upstream}; }
    location = /several { error_page 404 403 500 503 =200 /page; return 503; }
    location = /first-wins { error_page 404 /page; error_page 404 /inherited; return 404; }
    location = /cycle { error_page 404 /cycle; return 404; }
    location = /cycle-recursive { recursive_error_pages on; error_page 404 /cycle-recursive; return 404; }
    location /recursive/ {
      recursive_error_pages on;
      location = /recursive/a { error_page 404 /recursive/b; return 404; }
      location = /recursive/b { error_page 403 /recursive/c; return 403; }
      location = /recursive/c { return 200 "c"; }
    }
    location /flat/ {
      location = /flat/a { error_page 404 /flat/b; return 404; }
      location = /flat/b { error_page 403 /flat/c; return 403; }
      location = /flat/c { return 200 "c"; }
    }
    location /proxied/ { error_page 404 500 503 =200 /page; proxy_pass http://${upstream}/; }
    location /intercepted/ {
      proxy_intercept_errors on;
      error_page 404 /page;
      error_page 503 =200 @named;
      error_page 301 302 = /page;
      error_page 401 /page;
      proxy_pass http://${upstream}/;
    }
    location = /bad-gateway { error_page 502 /page; proxy_pass http://127.0.0.1:1; }
    location = /bad-gateway-plain { proxy_pass http://127.0.0.1:1; }
    location = /bad-gateway-named { error_page 502 =503 @named; proxy_pass http://127.0.0.1:1; }
    location = /body { client_max_body_size 10; error_page 413 /page; proxy_pass http://${upstream}/; }
    location = /body-passed { client_max_body_size 10; error_page 413 = /body-upstream; proxy_pass http://${upstream}/; }
    location = /body-upstream { proxy_pass http://${upstream}/; proxy_set_header Connection ""; proxy_set_header Content-Length ""; }
    location = /traced { return 200 "traced $uri"; }
    location = /500-named { error_page 500 =200 @named; return 500; }
    location = /mixed-flat { error_page 404 /mixed/a; return 404; }
    location = /mixed/a { recursive_error_pages on; error_page 404 /mixed/b; return 404; }
    location = /mixed/b { return 200 "b"; }
    location = /mixed-recursive { recursive_error_pages on; error_page 404 /mixed-last; return 404; }
    location = /mixed-last { error_page 404 /page; return 404; }
    location = /body-plain { client_max_body_size 10; proxy_pass http://${upstream}/; }
    location = /missing-index/ { root /nonexistent; }
    location = /forbidden/ { error_page 403 404 /page; root /nonexistent; }
    location = /not-allowed { error_page 405 =200 /page; root /nonexistent; }
    location = /type.html { error_page 404 /page; return 404; }
  }
}`;

const errorPaths = errors({ port: 0, ports: [], upstreams: { upstream: '' }, folder: '' })
  .match(/location = \/[\w/.-]+/g)
  ?.map((found) => found.slice('location = '.length));

const proxiedCodes = [
  '200',
  '201',
  '204',
  '301',
  '302',
  '304',
  '400',
  '401',
  '404',
  '500',
  '503',
  '599',
];

function upstreamAnswer({ target, method }: RecordedRequest): Answer {
  const status = Number(/\d{3}/.exec(target)?.[0] ?? 200);
  const headers: [string, string][] = [['X-From', `upstream ${method}`]];
  if (status === 401) headers.push(['WWW-Authenticate', 'Basic realm="upstream"']);
  if (status === 301 || status === 302) headers.push(['Location', '/from-upstream']);
  return {
    status,
    reason: 'Reason',
    headers,
    ...(status === 204 || status === 304 ? {} : { body: 'body' }),
  };
}

test('error pages are chosen and answered as in nginx', { skip }, async (t) => {
  const requests: ComparedRequest[] = [
    ...(errorPaths ?? []).flatMap((path) =>
      methods.map((method): ComparedRequest => ({ method, path: `${path}?q=1` })),
    ),
    { path: '/own/x' },
    { path: '/own/teapot' },
    { path: '/hidden' },
    { path: '/variable?to=-403' },
    { path: '/variable-named?to=@named' },
    { path: '/variable-named?to=/page' },
    { path: '/variable-named?to=http://x.test/' },
    { path: '/variable-named' },
    ...['/proxied/', '/intercepted/'].flatMap((place) =>
      proxiedCodes.flatMap((code) =>
        methods.map((method): ComparedRequest => ({ method, path: place + code })),
      ),
    ),
    ...['/body', '/body-plain'].flatMap((path): ComparedRequest[] => [
      { method: 'POST', path, body: '1234567890' },
      { method: 'POST', path, body: '12345678901' },
      { method: 'POST', path, headers: { 'Transfer-Encoding': 'chunked' }, body: '12345678901' },
    ]),
    { method: 'POST', path: '/body-passed', body: '12345678901' },
    { method: 'TRACE', path: '/traced' },
    { method: 'POST', path: '/named', body: 'abc' },
    { method: 'DELETE', path: '/keep' },
    { method: 'OPTIONS', path: '/named' },
    { path: '/keep', version: '1.0' },
    { name: 'HTTP/0.9', raw: 'GET /keep\r\n\r\n', differs: 'HTTP/0.9 is refused' },
    {
      name: 'two errors on one connection',
      exchange: async (connection) => [
        await connection.request({ path: '/keep' }),
        await connection.request({ path: '/named-take', method: 'POST', body: 'abc' }),
        await connection.request({ path: '/bad-gateway-plain' }),
        await connection.request({ path: '/intercepted/503' }),
        await connection.request({ path: '/keep-proxied' }),
      ],
    },
  ];
  const comparison = {
    proxy: proxyStarter,
    config: errors,
    requests,
    upstreams: { upstream: { answer: upstreamAnswer } },
    scope: t,
  };
  await compareAll(comparison, ['/page-403?q=1', '/proxied/404', '/bad-gateway-plain?q=1']);
});
