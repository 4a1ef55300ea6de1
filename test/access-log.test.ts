// The access log, beside real nginx: every variable, every way of escaping, several tries, and
// lines about requests that were never answered. What fields hold can't forge a line.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, formatRequest, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import type { Answer, RecordedRequest } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;
type Names = 'upstream' | 'failing' | 'other';

// Without those whose values can't be the same: times, numbers of processes and requests.
const variables = [
  ...['arg_a', 'arg_A', 'arg_missing', 'args', 'query_string', 'is_args', 'body_bytes_sent'],
  ...[
    'content_length',
    'content_type',
    'cookie_a',
    'cookie_b',
    'cookie_missing',
    'connection_requests',
  ],
  ...['document_root', 'request_filename', 'uri', 'document_uri', 'host', 'hostname', 'http_host'],
  ...['http_user_agent', 'http_x_custom', 'http_missing', 'http_cookie', 'http_x_forwarded_for'],
  ...['https', 'pipe', 'remote_addr', 'remote_user', 'request', 'request_completion'],
  ...['request_length', 'request_method', 'request_uri', 'scheme', 'sent_http_content_type'],
  ...['sent_http_content_length', 'sent_http_location', 'sent_http_x_from', 'sent_http_missing'],
  ...['sent_http_transfer_encoding', 'server_addr'],
  ...['server_name', 'server_port', 'server_protocol', 'status', 'proxy_host', 'proxy_port'],
  ...['proxy_add_x_forwarded_for', 'upstream_addr', 'upstream_status', 'upstream_response_length'],
  ...['upstream_http_x_from', 'upstream_http_missing', 'upstream_cookie_c'],
  ...['sent_http_last_modified', 'sent_http_cache_control', 'http_authorization', 'http_referer'],
];
const times = [
  ...['msec', 'request_time', 'connection_time', 'time_iso8601', 'time_local'],
  ...['upstream_connect_time', 'upstream_header_time', 'upstream_response_time'],
];

const format = [...variables.map((name) => `${name}=$${name}`), ''].join('|');

const config = ({ ports: [port, second], upstreams, folder }: Site<Names>): string => `
events {}
http {
  log_format all '${format}';
  log_format times '${times.map((name) => `${name}=$${name}`).join('|')}|pid=$pid|connection=$connection|id=$request_id';
  log_format json escape=json '{"uri":"$uri","agent":"$http_user_agent","missing":"$http_missing","x":"$http_x_custom"}';
  log_format none escape=none '$uri $http_x_custom $http_missing.';
  log_format default escape=default "$uri $http_x_custom $http_missing.";
  log_format pieces '[$uri]'
    ' [$http_x_custom]' " [\${status}]";
  log_format early '$early';
  access_log ${folder}/all.log all;
  access_log ${folder}/times.log times;
  access_log ${folder}/combined.log;
  access_log ${folder}/json.log json;
  access_log ${folder}/none.log none;
  access_log ${folder}/default.log default;
  access_log ${folder}/pieces.log pieces;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstreams.upstream}; }
  upstream failing { server ${upstreams.failing} max_fails=0; server ${upstreams.upstream} max_fails=0; }
  upstream dead { server 127.0.0.1:1 max_fails=0; server 127.0.0.1:2 max_fails=0; server ${upstreams.other} backup; }
  server {
    listen 127.0.0.1:${port};
    server_name log.test;
    default_type text/plain;
    location / { return 200 "text of $uri"; }
    location /missing { return 404; }
    location /file/ { root /nonexistent; }
    location /alias/ { alias /nonexistent/; }
    location /redirect { return 301 /there; }
    location /proxied/ { proxy_pass http://group; }
    location /replaced/ { proxy_pass http://${upstreams.upstream}/new/; }
    location /retried/ { proxy_pass http://failing; proxy_next_upstream error http_503; }
    location /dead/ { proxy_pass http://dead; }
    location /gone/ { proxy_pass http://127.0.0.1:1; }
    location /fallback/ { error_page 502 = @fallback; proxy_pass http://127.0.0.1:1; }
    location /intercepted/ { proxy_intercept_errors on; error_page 404 = /proxied/after; proxy_pass http://group; }
    location @fallback { proxy_pass http://dead; }
    location /off { access_log off; return 200; }
    location /own { access_log ${folder}/own.log pieces; return 200; }
    location /close { return 444; }
    location ~ ^/early/(?<early>.*)$ { access_log ${folder}/early.log early; return 200; }
  }
  server {
    listen 127.0.0.1:${second};
    server_name second.test;
    access_log ${folder}/second.log pieces;
    return 204;
  }
}`;

function answer({ target }: RecordedRequest): Answer {
  if (target.includes('404'))
    return { status: 404, reason: 'Not Found', headers: { 'X-From': 'u' } };
  const chunked: [string, string][] = target.includes('chunked')
    ? [['Transfer-Encoding', 'chunked']]
    : [];
  return {
    headers: [
      ['Content-Type', 'text/html'],
      ['Server', 'upstream'],
      ['X-From', 'the upstream'],
      ['Set-Cookie', 'c=1; Path=/'],
      ['Set-Cookie', 'd=2'],
      ['Cache-Control', 'no-cache'],
      ['Cache-Control', 'private'],
      ...chunked,
    ],
    body: `answer to ${target}`,
  };
}

const hostile = 'a"b\\c\te\x80\xff\xe9 %0A[$uri]';
const rows: ComparedRequest[] = [
  { path: '/' },
  { path: '/a%20b%0Ac%22d?a=1&b=2&A=3' },
  { path: '/?a=&b&arg' },
  { path: '/x?a=%20"' },
  {
    path: '/x',
    headers: [
      ['Host', 'Log.test:99'],
      ['User-Agent', 'agent "x"'],
      ['Referer', 'http://a/'],
      ['X-Custom', hostile],
      ['Cookie', 'a=1; b="q"'],
      ['Cookie', 'b=2;c=3'],
      ['X-Forwarded-For', '10.0.0.1'],
      ['X-Forwarded-For', '10.0.0.2'],
      ['Authorization', `Basic ${Buffer.from('user name:pw').toString('base64')}`],
      ['Content-Type', 'text/x'],
    ],
  },
  { path: '/x', headers: { Authorization: 'Basic bm9jb2xvbg==', 'User-Agent': '' } },
  { path: '/x', headers: { Authorization: 'Bearer abc' } },
  { method: 'POST', path: '/x', body: 'abc' },
  { method: 'POST', path: '/proxied/x', body: 'abc' },
  { method: 'POST', path: '/proxied/x', headers: { 'Transfer-Encoding': 'chunked' }, body: 'abc' },
  { method: 'HEAD', path: '/x' },
  { path: '/missing' },
  { path: '/file/x.html?y' },
  { path: '/alias/x' },
  { path: '/redirect' },
  { path: '/proxied/x' },
  { path: '/proxied/chunked' },
  { path: '/proxied/chunked', version: '1.0' },
  { path: '/proxied/404' },
  { method: 'HEAD', path: '/proxied/x' },
  { path: '/replaced/x' },
  { path: '/gone/x' },
  { path: '/dead/x' },
  { path: '/fallback/x' },
  { path: '/intercepted/404' },
  { path: '/retried/1' },
  { path: '/retried/2' },
  { path: '/off' },
  { path: '/own', headers: { 'X-Custom': 'v' } },
  { path: '/early/a%22b' },
  { path: '/close' },
  { to: 1, path: '/x' },
  { to: 1, path: '/', headers: { Host: 'unknown.test' } },
  { name: 'no Host', raw: 'GET /x HTTP/1.0\r\n\r\n' },
  { name: 'absolute', path: 'http://log.test/x?y', headers: { Host: 'log.test' } },
  {
    name: 'two Hosts',
    headers: [
      ['Host', 'a'],
      ['Host', 'b'],
    ],
  },
  { name: 'no Host in 1.1', raw: 'GET /x?y HTTP/1.1\r\n\r\n' },
  { name: 'above the root', path: '/../x' },
  { name: 'method', method: 'BREW', path: '/x' },
  {
    name: 'two on one connection',
    exchange: async (connection) => [
      await connection.request({ path: '/first' }),
      await connection.request({ path: '/second' }),
    ],
  },
];

function lines(folder: string, name: string): string[] {
  try {
    return readFileSync(`${folder}/${name}`, 'latin1').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

async function linesWhenThere(folder: string, name: string, count: number): Promise<string[]> {
  for (let i = 0; i < 200 && lines(folder, name).length < count; i += 1) await sleep(10);
  return lines(folder, name);
}

function normalised(line: string, site: Site<Names>): string {
  let text = line.replaceAll(site.folder, '<folder>').replaceAll(hostname(), '<hostname>');
  for (const [name, address] of Object.entries(site.upstreams)) {
    text = text.replaceAll(address, `<${name}>`);
    text = text.replaceAll(address.replace(/.*:/, ''), `<port of ${name}>`);
  }
  site.ports.forEach((port, i) => (text = text.replaceAll(String(port), `<port ${i}>`)));
  return text
    .replace(/(" [3-5]\d\d) \d+ "/, '$1 size "')
    .replace(/\[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]/, '[time]');
}

const sizes = /^(body_bytes_sent|upstream_response_length|sent_http_content_length)=/;

// Of a request that is refused, nginx keeps the fields that it had read; here there are none.
const understood = /^(request|status|remote_addr|request_method|scheme|server_port|server_addr)=/;

// Error pages carry the name of the product: their length differs.
function comparable(line: string): string[] {
  const fields = line.split('|');
  const status = Number(fields.find((one) => one.startsWith('status='))?.slice(7));
  const ownPage = status >= 300 && !fields.includes('sent_http_x_from=the upstream');
  if (status === 400) return fields.filter((one) => understood.test(one));
  return fields.filter((one) => !ownPage || !sizes.test(one));
}

test('every variable and format gives the lines of nginx', { skip }, async (t) => {
  const sites: Site<Names>[] = [];
  await compareWithNginx<Names>({
    proxy: proxyStarter,
    config: (site) => {
      sites.push(site);
      return config(site);
    },
    requests: rows,
    listens: 2,
    upstreams: {
      upstream: { answer },
      failing: { answer: { status: 503, reason: 'no', headers: { 'X-From': 'failing' } } },
      other: { answer },
    },
    scope: t,
  });
  const [nginx, proxy] = sites;
  assert.ok(nginx !== undefined && proxy !== undefined);
  const problems: string[] = [];
  for (const name of [
    'all',
    'combined',
    'json',
    'none',
    'default',
    'pieces',
    'own',
    'second',
    'early',
  ]) {
    const expected = lines(nginx.folder, `${name}.log`).map((line) => normalised(line, nginx));
    const found = await linesWhenThere(proxy.folder, `${name}.log`, expected.length);
    const actual = found.map((line) => normalised(line, proxy));
    if (actual.length !== expected.length)
      problems.push(`${name}: ${actual.length} lines, not ${expected.length}`);
    expected.forEach((line, i) => {
      const [ours, theirs] = [comparable(actual[i] ?? ''), comparable(line)];
      const uri = theirs.find((one) => one.startsWith('request=')) ?? line.slice(0, 60);
      theirs.forEach((field, k) => {
        if (ours[k] !== field)
          problems.push(`${name} ${i} ${uri}: ${ours[k] ?? ''} / nginx: ${field}`);
      });
    });
  }
  assert.deepEqual(problems, []);
});

const alone = (port: number, upstream: string, more = ''): string => `
http {
  log_format line '$uri [$http_x_custom] $status $request_completion';
  log_format json escape=json '{"x":"$http_x_custom"}';
  access_log access.log line;
  ${more}
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "ok"; }
    location /proxied/ { proxy_pass http://${upstream}; }
  }
}`;

async function lastLine(folder: string, count: number): Promise<string> {
  return (await linesWhenThere(folder, 'access.log', count)).at(-1) ?? '';
}

test("times have nginx's form and numbers are numbers", async (t) => {
  const port = await freePort();
  const form = times.map((name) => `${name}=$${name}`).join('|');
  const upstream = await RecordingUpstream.start({}, t);
  const { folder } = await startProxy(
    `http { log_format line '${form}|pid=$pid|connection=$connection|id=$request_id';
      access_log access.log line;
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://${upstream.address}; } } }`,
    { scope: t },
  );
  await request({ port });
  const seconds = String.raw`\d+\.\d{3}`;
  assert.match(
    await lastLine(folder, 1),
    new RegExp(
      `^msec=${seconds}\\|request_time=${seconds}\\|connection_time=${seconds}` +
        String.raw`\|time_iso8601=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d` +
        String.raw`\|time_local=\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}` +
        `\\|upstream_connect_time=${seconds}\\|upstream_header_time=${seconds}` +
        `\\|upstream_response_time=${seconds}` +
        String.raw`\|pid=\d+\|connection=\d+\|id=[0-9a-f]{32}$`,
    ),
  );
});

test('the built-in format "upstream" shows what happened behind the proxy', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({}, t);
  const { folder } = await startProxy(
    `http { access_log access.log upstream;
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://${upstream.address}; }
        location /own { return 200 "x"; } } }`,
    { scope: t },
  );
  await request({ port, path: '/a?b' });
  const proxied = await lastLine(folder, 1);
  assert.match(proxied, /^127\.0\.0\.1 \[.*\] "GET \/a\?b HTTP\/1\.1" 200 3B \d+\.\d{3}s -> /);
  assert.ok(proxied.includes(` -> ${upstream.address} 200 connect=0.`), proxied);
  assert.match(proxied, /tls=-\/- reused=- verify=-$/);
  await request({ port, path: '/own' });
  assert.match(await lastLine(folder, 2), / -> - - connect=- header=- response=- tls=-\/- /);
});

test('what a client sends can not end a line or a quoted field', async (t) => {
  const port = await freePort();
  const { folder } = await startProxy(alone(port, '127.0.0.1:1', 'access_log json.log json;'), {
    scope: t,
  });
  const values = ['a" 200 "b', 'a\\', 'tab\there', '\x80\xff', '"}\\u0000', '\x85\xe2\x80\xa8'];
  for (const value of values) await request({ port, headers: { 'X-Custom': value } });
  await request({ port, path: '/%0A127.0.0.1%20-%20forged%0D%22%00x'.replace('%00', '%01') });
  const found = await linesWhenThere(folder, 'access.log', values.length + 1);
  assert.equal(found.length, values.length + 1);
  for (const line of found) assert.match(line, /^[\x20-\x7e]* 200 OK$/);
  assert.ok(found.at(-1)?.startsWith('/\\x0A127.0.0.1 - forged\\x0D\\x22\\x01x [-]') === true);
  const json = await linesWhenThere(folder, 'json.log', values.length);
  values.forEach((value, i) => {
    assert.deepEqual(JSON.parse(json[i] ?? ''), { x: value });
  });
});

test('a request whose client goes away is logged with 499', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ answer: () => undefined }, t);
  const { folder } = await startProxy(alone(port, upstream.address), { scope: t });
  const connection = await RawConnection.open({ port });
  await connection.send(formatRequest({ path: '/proxied/x' }));
  while (upstream.requests.length === 0) await sleep(5);
  connection.close();
  assert.equal(await lastLine(folder, 1), '/proxied/x [-] 499 ');
});

test('a body that does not come is logged with 408, a bad request with 400', async (t) => {
  const port = await freePort();
  const { folder } = await startProxy(
    alone(port, '127.0.0.1:1', 'client_body_timeout 100ms; client_header_timeout 100ms;'),
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  await connection.send('POST /proxied/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
  await connection.closed();
  assert.match(await lastLine(folder, 1), /^\/proxied\/x \[-\] 408/);
  const late = await RawConnection.open({ port });
  await late.send('GET /late HTTP/1.1\r\nHost');
  await late.closed();
  assert.match(await lastLine(folder, 2), / 408 $/);
  const bad = await RawConnection.open({ port });
  await bad.send('GET /\x01 HTTP/1.1\r\n\r\n');
  await bad.closed();
  assert.match(await lastLine(folder, 3), / 400 OK$/);
});
