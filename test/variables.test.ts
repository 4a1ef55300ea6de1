// Variables of requests, connections and responses beside real nginx: their values while a request is
// answered, towards the upstream, and in the log.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { lines } from './kit/eventually.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import type { Answer } from './kit/upstream-answer.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

/** Known as soon as the request is. */
const ofRequest = [
  'arg_a',
  'arg_long_name',
  'args',
  'binary_remote_addr',
  'connection_requests',
  'content_length',
  'content_type',
  'cookie_a',
  'cookie_b',
  'cookie_long_name',
  'document_root',
  'document_uri',
  'host',
  'hostname',
  'http2',
  'http_cookie',
  'http_host',
  'http_referer',
  'http_user_agent',
  'http_via',
  'http_x_forwarded_for',
  'http_x_other',
  'https',
  'is_args',
  'limit_rate',
  'proxy_protocol_addr',
  'proxy_protocol_port',
  'proxy_protocol_server_addr',
  'proxy_protocol_server_port',
  'query_string',
  'realpath_root',
  'remote_addr',
  'remote_user',
  'request',
  'request_body',
  'request_body_file',
  'request_filename',
  'request_length',
  'request_method',
  'request_uri',
  'scheme',
  'server_addr',
  'server_name',
  'server_port',
  'server_protocol',
  'status',
  'uri',
];

/** Of these the log shows the final value. */
const inLog = [
  // Where nginx keeps a body in a file, it has a name.
  ...ofRequest.filter((name) => name !== 'request_body_file'),
  'body_bytes_sent',
  'pipe',
  'request_completion',
  'sent_http_cache_control',
  'sent_http_content_length',
  'sent_http_content_type',
  'sent_http_date',
  'sent_http_last_modified',
  'sent_http_link',
  'sent_http_location',
  'sent_http_server',
  'sent_http_transfer_encoding',
  'sent_http_x_answer',
  'sent_http_x_empty',
  'sent_trailer_x_after',
  'upstream_http_server',
  'upstream_http_x_answer',
  'upstream_status',
  'upstream_cookie_session',
  'one',
  'two',
  'http_other_name',
];

/** Values that differ from request to request: only their form can be compared. */
const forms: Readonly<Record<string, RegExp>> = {
  bytes_sent: /^\d+$/,
  connection: /^\d+$/,
  connection_time: /^\d+\.\d{3}$/,
  msec: /^\d{10}\.\d{3}$/,
  nginx_version: /^\d+\.\d+\.\d+/,
  pid: /^\d+$/,
  remote_port: /^\d+$/,
  request_id: /^[0-9a-f]{32}$/,
  request_time: /^\d+\.\d{3}$/,
  time_iso8601: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/,
  time_local: /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/,
};

const shown = (names: readonly string[]): string =>
  names.map((name) => `${name}=[$\{${name}}]`).join(' ');

const folders: string[] = [];

function config(site: Site): string {
  folders.push(site.folder);
  fs.mkdirSync(`${site.folder}/www`);
  fs.symlinkSync(`${site.folder}/www`, `${site.folder}/link`);
  fs.writeFileSync(`${site.folder}/www/file.txt`, 'file\n');
  return text(site);
}

const text = ({ port, folder, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  server_tokens off;
  types { text/plain txt; }
  upstream group { server ${upstream}; keepalive 4; }
  log_format all '${shown(inLog)}';
  access_log ${folder}/all.log all;
  map $uri $http_mapped { default "mapped"; }
  map $http_mapped $mapped { mapped yes; }
  server {
    listen 127.0.0.1:${port};
    server_name first.test second.test;
    root ${folder}/link;
    keepalive_timeout 75s 20s;
    set $root_of_server $document_root;
    location / { return 200 "${shown(ofRequest)}"; }
    location /forms { return 200 "${shown(Object.keys(forms))}"; }
    location /status { return 418 "$status"; }
    location /file.txt { add_header X-Answer "1$uri"; add_trailer X-After "$status"; }
    location /aliased/ { alias ${folder}/www/; return 200 "$document_root $request_filename $realpath_root"; }
    location /no-root { root ${folder}/nowhere; return 200 "[$realpath_root]"; }
    location /server-root { return 200 "$root_of_server"; }
    location /redirect { return 302 /elsewhere; }
    location /none { return 204; }
    location /limit { set $limit_rate 4k; return 200 "$limit_rate"; }
    location /limit-bad { set $limit_rate nonsense; return 200 "$limit_rate"; }
    location /limit-zero { set $limit_rate 0; return 200 "$limit_rate"; }
    location /rewritten { rewrite ^/rewritten(.*)$ /after$1?own=1 last; }
    location /after { return 200 "$uri $document_uri $request_uri $args $is_args"; }
    location /set-family {
      set $http_other_name "mine";
      set $arg_q "q=$arg_q";
      set $cookie_c "c";
      return 200 "$http_other_name $arg_q $cookie_c $sent_http_x";
    }
    location /unset-family { return 200 "[$http_other_name][$arg_q][$cookie_c][$mapped][$http_mapped]"; }
    location ~ ^/group(?<one>x)?(?<two>y)? { return 200 "[$one][$two]"; }
    location /error { error_page 404 = /after-error; return 404; }
    location /after-error { return 200 "$status $uri $request_method"; }
    location /passed {
      proxy_pass http://group;
      proxy_set_header Connection "";
      proxy_set_header X-Body $request_body;
      proxy_set_header X-Length $proxy_internal_body_length;
      proxy_set_header X-Chunked $proxy_internal_chunked;
      proxy_set_header X-Content-Length $content_length;
      proxy_set_header X-All "$proxy_host $proxy_add_x_forwarded_for";
    }
  }
}`;

const header = (name: string, value: string): string => `${name}: ${value}\r\n`;

function raw(target: string, fields: string, method = 'GET'): ComparedRequest {
  return {
    name: `${method} ${target} ${JSON.stringify(fields)}`,
    raw: `${method} ${target} HTTP/1.1\r\nHost: first.test\r\nConnection: close\r\n${fields}\r\n`,
  };
}

const basic = (credentials: string): string =>
  `Basic ${Buffer.from(credentials).toString('base64')}`;

const cookies = [
  'a=1',
  'a=1; b=2',
  'A=upper; b=2',
  'a=1;b=2',
  'a=1, b=2',
  'x=1,a=2',
  'x=1;  a=2',
  'a = spaced ; b = 2',
  'a',
  'a; b=2',
  'a=; b=2',
  'ab=1; a=2',
  'long_name=1',
  'long-name=1',
  'a="quoted; text"; b=2',
  'b=a=1',
  'a=1; a=2',
  '; a=1',
];

const queries = [
  'a=1',
  'A=1',
  'b=2&a=1',
  'a=1&a=2',
  'ba=1&a=2',
  'a',
  'a=',
  'a=b=c',
  'a&a=2',
  'a=%20x+y',
  'long_name=v',
  'long-name=v',
  '',
  '&a=1',
  'b=1&&a=1',
];

const requests: ComparedRequest[] = [
  { path: '/' },
  { path: '/x/../y%20z//w?q=%20', headers: { Host: 'FIRST.test:8080' } },
  { path: '/', headers: { Host: 'other.test.' } },
  raw('http://first.test/path?x=y', ''),
  raw('/', header('User-Agent', 'me') + header('Referer', 'there') + header('Via', '1.1 a')),
  raw('/', header('X-Forwarded-For', '1.1.1.1') + header('X-Other', 'one')),
  ...cookies.map((value) => raw('/', header('Cookie', value))),
  ...queries.map((query) => raw(`/?${query}`, '')),
  ...['user:secret', 'user', ':secret', 'u:', 'ü:x', 'a:b:c'].map((credentials) =>
    raw('/', header('Authorization', basic(credentials))),
  ),
  raw('/', header('Authorization', 'Bearer abc')),
  raw('/', header('Authorization', 'basic   dTpw')),
  { method: 'POST', path: '/', body: 'abc', headers: { 'Content-Type': 'text/x' } },
  { method: 'HEAD', path: '/' },
  { raw: 'GET /ten HTTP/1.0\r\n\r\n', name: 'HTTP/1.0' },
  ...[
    '/status',
    '/file.txt',
    '/aliased/x',
    '/no-root',
    '/server-root',
    '/redirect',
    '/none',
    '/limit',
    '/limit-bad',
    '/limit-zero',
    '/rewritten/x',
    '/rewritten/x?y=1',
    '/error',
    '/missing/../file.txt',
    '/groupx',
    '/groupxy',
    '/groupy',
    '/set-family?q=1',
  ].map((path) => ({ path })),
  {
    path: '/unset-family?q=1',
    headers: { 'Other-Name': 'his', Mapped: 'no', Cookie: 'c=1' },
  },
  { path: '/passed' },
  { path: '/passed', method: 'POST', body: 'some body' },
  {
    name: 'a body in chunks',
    raw: 'POST /passed HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
  },
  { path: '/passed/chunked' },
];

function answer(request: { readonly target: string }): Answer {
  const headers: [string, string][] = [
    ['Server', 'behind'],
    ['X-Answer', 'one'],
    ['Set-Cookie', 'session=abc; Path=/'],
    ['Cache-Control', 'no-store'],
    ['Cache-Control', 'private'],
    ['Link', '<a>; rel=b'],
    ['Last-Modified', 'Mon, 02 Nov 2026 10:00:00 GMT'],
  ];
  return { status: 200, headers, body: `answer to ${request.target}` };
}

test('variables have the values that nginx gives them', { skip, timeout: 60_000 }, async (t) => {
  folders.length = 0;
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config,
    requests,
    upstreams: { upstream: { answer } },
    scope: t,
  });
  const [theirs = '', ours = ''] = folders;
  const log = (folder: string): Promise<string[]> =>
    lines(() => read(`${folder}/all.log`), requests.length);
  const [wanted, found] = [await log(theirs), await log(ours)];
  const problems = wanted.flatMap((line, i) => differences(line, found[i] ?? '', theirs, ours));
  assert.deepEqual(problems, []);
  assertSameAsNginx(pairs);
});

function read(file: string): string {
  return fs.existsSync(file) ? fs.readFileSync(file, 'latin1') : '';
}

function differences(theirs: string, ours: string, folder: string, own: string): string[] {
  const [wanted, found] = [fieldsOf(theirs, folder), fieldsOf(ours, own)];
  const request = /request=\[([^\]]*)/.exec(theirs)?.[1] ?? '';
  return wanted.flatMap((one, i) =>
    one === found[i] ? [] : [`${request}: nginx ${one}, here ${found[i] ?? ''}`],
  );
}

// Folders and ports are each side's own, as is the name at the foot of an error page.
function fieldsOf(line: string, folder: string): string[] {
  const fields = line
    .replaceAll(folder, '<folder>')
    .replaceAll(/server_port=\[\d+\]/g, 'server_port=[<port>]')
    .replaceAll(/localhost:\d+/g, 'localhost:<port>')
    .split('] ');
  const isPage = /status=\[30/.test(line);
  return fields.filter((one) => !(isPage && /^(body_bytes_sent|\w+content_length)=/.test(one)));
}

test('what changes from request to request has the form that nginx gives it', async (t) => {
  const [port = 0] = await freePorts(1);
  const folder = tempFolder(t);
  fs.mkdirSync(`${folder}/www`);
  await startProxy(
    `http { server { listen 127.0.0.1:${port}; return 200 "${shown(Object.keys(forms))}"; } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  const { body } = await connection.request({ path: '/' });
  connection.close();
  const values = new Map(
    [...body.toString().matchAll(/(\w+)=\[([^\]]*)\]/g)].map((match) => [match[1], match[2]]),
  );
  for (const [name, form] of Object.entries(forms))
    assert.match(values.get(name) ?? '', form, name);
});

/** Newer than the nginx beside which the others are tested. */
test('$request_port is the port that the request names', async (t) => {
  const [port = 0] = await freePorts(1);
  await startProxy(
    `http { server { listen 127.0.0.1:${port}; return 200 "$host$is_request_port$request_port"; } }`,
    { scope: t },
  );
  const cases: readonly (readonly [string, string])[] = [
    ['name.test', 'name.test'],
    ['name.test:8080', 'name.test:8080'],
    ['name.test:080', 'name.test:80'],
    ['name.test:', 'name.test'],
    ['[::1]', '[::1]'],
    ['[::1]:81', '[::1]:81'],
  ];
  for (const [host, shownAs] of cases) {
    const connection = await RawConnection.open({ port });
    const { body } = await connection.request({ path: '/', headers: { Host: host } });
    connection.close();
    assert.equal(body.toString(), shownAs);
  }
});

test('$pipe tells a pipelined request in the log', { skip }, async (t) => {
  const [port = 0] = await freePorts(1);
  const proxy = await startProxy(
    `http { log_format p "$uri $pipe"; access_log access.log p;
      server { listen 127.0.0.1:${port}; return 200 ok; } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  await connection.send(get('/one') + get('/two') + get('/three'));
  for (let i = 0; i < 3; i += 1) await connection.response();
  await connection.send(get('/four'));
  await connection.response();
  connection.close();
  const wanted = ['/one .', '/two p', '/three p', '/four .'];
  assert.deepEqual(await lines(() => proxy.accessLog(), 4), wanted);
});

test('fields after the bodies are variables in the log', async (t) => {
  const [port = 0] = await freePorts(1);
  const raw =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n' +
    '4\r\nbody\r\n0\r\nX-Sum: abc\r\nX-Sum: def\r\n\r\n';
  const upstream = await RecordingUpstream.start({ answer: { raw } }, t);
  const proxy = await startProxy(
    `http { log_format p "$upstream_trailer_x_sum|$upstream_trailer_none|$sent_trailer_x_after|$sent_trailer_none";
      access_log access.log p;
      server { listen 127.0.0.1:${port}; location / {
        proxy_pass http://${upstream.address}; add_trailer X-After "after $status"; } } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  await connection.request({ path: '/' });
  connection.close();
  assert.deepEqual(await lines(() => proxy.accessLog(), 1), ['abc, def|-|after 200|-']);
});

test('$sent_http_connection and $sent_http_keep_alive are what was sent', async (t) => {
  const [port = 0] = await freePorts(1);
  const proxy = await startProxy(
    `http { log_format p "$sent_http_connection|$sent_http_keep_alive"; access_log access.log p;
      server { listen 127.0.0.1:${port}; keepalive_timeout 75s 20s; return 200 ok; } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  await connection.request({ path: '/' });
  await connection.request({ path: '/', headers: { Connection: 'close' } });
  assert.deepEqual(await lines(() => proxy.accessLog(), 2), ['keep-alive|timeout=20', 'close|-']);
});

test(
  'variables that nginx does not let a configuration define are refused',
  { skip },
  async (t) => {
    const names = ['uri', 'http_host', 'http_user_agent', 'sent_http_location', 'status', 'host'];
    for (const name of names) {
      for (const conf of [
        `events {}\nhttp {\nserver { set $${name} x; }\n}\n`,
        `events {}\nhttp {\nmap $args $${name} { default x; }\n}\n`,
      ]) {
        const folder = tempFolder(t);
        const words = `the duplicate "${name}" variable`;
        assert.ok(checkConfig(conf, { folder }).messages.join('\n').includes(words), conf);
        const loaded = await loadConfig({ file: `${folder}/x.conf`, text: conf, prefix: folder });
        assert.ok(!loaded.ok && loaded.diagnostics.some(({ message }) => message === words), conf);
      }
    }
  },
);
