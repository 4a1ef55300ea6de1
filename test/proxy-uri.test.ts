// What becomes of the request target on its way through `proxy_pass`: with and without a URI part,
// with variables, after internal redirects. The request lines that the upstream gets are compared
// with real nginx byte for byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { proxyPass } from '../src/modules/proxy-rows.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

const config = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    server_name first.test;
    location / { proxy_pass http://${upstream}; }
    location /slash/ { proxy_pass http://${upstream}/; }
    location /replaced/ { proxy_pass http://group/new/; }
    location /noslash { proxy_pass http://group/new; }
    location /to-args/ { proxy_pass http://group/new?x=; }
    location /only-args/ { proxy_pass http://group?x=1; }
    location = /exact { proxy_pass http://group/other; }
    location = /exact-args { proxy_pass http://group/other?fixed=1; }
    location ^~ /strong/ { proxy_pass http://group/s/; }
    location ~ ^/regex/ { proxy_pass http://group; }
    location ~* \\.php$ { proxy_pass http://group; }
    location /odd/ { proxy_pass http://group/a%2Fb%20c/; }
    location /café/ { proxy_pass http://group/thé/; }
    location "/with space/" { proxy_pass http://group/replaced/; }
    location /nested/ {
      proxy_pass http://group/outer/;
      location /nested/inner/ { proxy_pass http://group/inner/; }
    }
    location /v-request-uri/ { proxy_pass http://group$request_uri; }
    location /v-uri/ { proxy_pass http://group$uri$is_args$args; }
    location /v-plain/ { proxy_pass http://$http_x_group; }
    location /v-path/ { proxy_pass http://$http_x_group/fixed; }
    location /v-path-args/ { proxy_pass http://$http_x_group/fixed?$args; }
    location /v-address/ { proxy_pass http://${upstream}$request_uri; }
    location /v-scheme/ { proxy_pass $scheme://group; }
    location ~ ^/v-capture/(.*)$ { proxy_pass http://group/$1; }
    location ~ ^/v-named/(?<rest>.*)$ { proxy_pass http://group/$rest$is_args$args; }
    location ~ ^/v-bad/(.*)$ { proxy_pass $1; }
    location /error-to-uri/ { error_page 404 /replaced/from-error; return 404; }
    location /error-to-args/ { error_page 404 /replaced/e?code=404&q=$args; return 404; }
    location /error-to-plain/ { error_page 404 /plain/from%20error; return 404; }
    location /error-to-escaped/ { error_page 404 =200 "/plain/a b%c?d e"; return 404; }
    location /error-to-named/ { error_page 404 @passed; return 404; }
    location /error-to-request-uri/ { error_page 404 /v-request-uri/error; return 404; }
    location /intercepted/ {
      proxy_pass http://group/status404/;
      proxy_intercept_errors on;
      error_page 404 = @passed;
    }
    location /intercepted-to-uri/ {
      proxy_pass http://group/status404/;
      proxy_intercept_errors on;
      error_page 404 = /replaced/error?x;
    }
    location @passed { proxy_pass http://group; }
  }
  server {
    listen 127.0.0.1:${port};
    server_name unmerged.test;
    merge_slashes off;
    location / { proxy_pass http://group; }
    location /replaced/ { proxy_pass http://group/new/; }
  }
}`;

const prefixes = [
  '/',
  '/slash/',
  '/replaced/',
  '/to-args/',
  '/strong/',
  '/regex/',
  '/odd/',
  '/nested/',
  '/nested/inner/',
  '/v-request-uri/',
  '/v-uri/',
  '/v-plain/',
  '/v-path/',
  '/v-path-args/',
  '/v-address/',
  '/v-scheme/',
  '/v-capture/',
  '/v-named/',
  '/error-to-uri/',
  '/error-to-args/',
  '/error-to-plain/',
  '/error-to-escaped/',
  '/error-to-named/',
  '/error-to-request-uri/',
  '/intercepted/',
];

const tails = [
  '',
  'a',
  'a?b=c',
  'a?',
  'a?b?c=d/../e',
  'a%2Fb',
  'a%2fb%2F',
  'a%20b?c%20d',
  'a%3Fb?c',
  'a%25b',
  'a%2525b',
  'caf%C3%A9/%e2%82%ac?%E2%82%AC',
  'caf\xc3\xa9?\xc3\xa9',
  'a+b?c+d',
  'a"b\'c',
  'a%22%27%3C%3E%60',
  'a//b///c//',
  '/a',
  'a/./b/../c',
  'a/..',
  'a/b/.',
  '...',
  '..a/.b',
  '%2e/a',
  'a/%2e%2e/b',
  'a/%2E./b?x/../y',
  'a;b=c,d@e:f&g=h$i!*()~-_',
  'a%23b?c',
  'a[b]|c^d`e{f}\\g',
  'a%5Bb%5D%7Cc%5Ed%60e%7Bf%7D%5Cg',
  '%41%7e%2D',
  'a%0Ab',
  'a%0D%0AX:y',
  'a%7F%80%ff',
];

const everyPair: ComparedRequest[] = prefixes.flatMap((prefix) =>
  tails.map((tail) => ({
    path: prefix + tail,
    headers: { Host: 'first.test', 'X-Group': 'group' },
  })),
);

const differs = proxyPass.differs ?? '';
const others: ComparedRequest[] = [
  { path: '/only-args/a?b', differs: differs },
  { path: '/plain/a#b?c', differs },
  { path: '/plain/a?b#c', differs },
  { path: '/replaced/a#b?c' },
  { path: '/replaced/a?b#c' },
  { path: '/noslash' },
  { path: '/noslashed/a%20b' },
  { path: '/noslash/a' },
  { path: '/exact' },
  { path: '/exact?a=b' },
  { path: '/%65xact?a=b' },
  { path: '/exact-args' },
  { path: '/exact-args?a=b' },
  { path: '/a.php?b=c' },
  { path: '/a.PHP' },
  { path: '/caf%C3%A9/x' },
  { path: '/caf\xc3\xa9/x' },
  { path: '/with%20space/x' },
  { path: '/nested' },
  { path: '/nested?a=b' },
  { path: '/with%20space?a=b' },
  { path: '/caf%C3%A9' },
  { path: '/v-bad/http://group/a' },
  { path: '/v-bad/nonsense' },
  { path: '/..' },
  { path: '/a/../../b' },
  { path: '/%2e%2e/a' },
  { path: '/%' },
  { path: '/%4' },
  { path: '/%zz' },
  { path: '/a%00b' },
  { path: '//' },
  { path: '//replaced/a' },
  { path: '/replaced//a' },
  ...[
    'http://first.test/plain/a%20b?c=d',
    'http://first.test/replaced/a%20b?c=d',
    'http://first.test',
    'http://first.test?a=b',
    'HTTP://FIRST.test/v-request-uri/x?y',
    'https://first.test/v-uri/x?y',
  ].map((path) => ({ path, headers: { Host: 'first.test' } })),
  { path: 'http://first.test:8080/replaced/x', headers: { Host: 'first.test:8080' } },
  { path: 'http://first.test/', headers: { Host: 'b' }, differs: 'target and Host contradict' },
  { method: 'OPTIONS', path: '/replaced/a' },
  { method: 'DELETE', path: '/replaced/a?b' },
  { method: 'HEAD', path: '/replaced/a?b' },
  { method: 'POST', path: '/error-to-uri/a', body: 'abc' },
  { method: 'POST', path: '/error-to-named/a', body: 'abc' },
  { method: 'POST', path: '/intercepted/a', body: 'abc' },
  { method: 'POST', path: '/intercepted-to-uri/a', body: 'abc' },
  { method: 'POST', path: '/intercepted-to-uri/', body: 'x'.repeat(50_000) },
  {
    method: 'POST',
    path: '/intercepted-to-uri/a',
    headers: { 'Transfer-Encoding': 'chunked' },
    body: 'abc',
  },
  { path: '/replaced/a/../..//b', headers: { Host: 'unmerged.test' } },
  { path: '//a//b', headers: { Host: 'unmerged.test' } },
  ...['/replaced//a///b', '//replaced/a'].map((path) => ({
    name: `unmerged ${path}`,
    path,
    headers: { Host: 'unmerged.test' },
  })),
];

test('the upstream gets the request line that nginx sends', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config,
    requests: [...everyPair, ...others],
    upstreams: {
      upstream: {
        answer: (request) =>
          request.target.startsWith('/status404/') ? { status: 404, reason: 'Not Found' } : {},
      },
    },
    ignore: { errorPages: true },
    scope: t,
  });
  assertSameAsNginx(pairs);
  const arrived = pairs.filter((pair) => pair.proxy.received['upstream'] !== undefined);
  assert.ok(arrived.length > 800, `only ${arrived.length} requests arrived upstream`);
});

const refused: readonly { readonly name: string; readonly server: string }[] = [
  { name: 'a regular expression', server: 'location ~ ^/a { proxy_pass http://127.0.0.1:1/b; }' },
  { name: 'a named location', server: 'location @a { proxy_pass http://127.0.0.1:1/; }' },
  { name: 'no scheme', server: 'location / { proxy_pass 127.0.0.1:1; }' },
  { name: 'another scheme', server: 'location / { proxy_pass ftp://127.0.0.1:1; }' },
  { name: 'an odd port', server: 'location / { proxy_pass http://127.0.0.1:99999; }' },
  { name: 'no host', server: 'location / { proxy_pass http://:80; }' },
  { name: 'nothing but a scheme', server: 'location / { proxy_pass http://; }' },
  {
    name: 'two URLs',
    server: 'location / { proxy_pass http://127.0.0.1:1; proxy_pass http://127.0.0.1:2; }',
  },
];

for (const { name, server } of refused) {
  test(`proxy_pass with ${name} is refused in nginx's words`, { skip }, async (t) => {
    const folder = tempFolder(t);
    const text = `events {}\nhttp { server {\n${server}\n} }\n`;
    const verdict = checkConfig(text, { folder });
    const wanted = /^\[emerg\] (.*) in nginx\.conf:3$/.exec(verdict.messages[0] ?? '')?.[1];
    const loaded = await loadConfig({ file: `${folder}/nginx.conf`, text, prefix: folder });
    assert.equal(loaded.ok, false);
    const errors = loaded.diagnostics.map((one) => `${one.message}`);
    assert.ok(wanted !== undefined, `nginx says: ${verdict.messages.join(' | ')}`);
    assert.deepEqual(errors, [wanted]);
  });
}
