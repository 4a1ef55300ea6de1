// The ready format "json": every line is an object, whatever clients and upstream servers send, with
// the fields that docs/access-log.md names and the facts of each try.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { variableRows } from '../src/modules/index.ts';
import { jsonClientTls, jsonTry, jsonTryTls, jsonVariables } from '../src/modules/log-json.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { repository } from './kit/source-tree.ts';
import { tempFolder } from './kit/temp-folder.ts';

type Line = Readonly<Record<string, unknown>>;

async function lines(folder: string, count: number): Promise<Line[]> {
  const path = join(folder, 'access.log');
  for (let i = 0; i < 300; i += 1) {
    const texts = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    if (texts.length >= count) return texts.map((text) => JSON.parse(text) as Line);
    await sleep(10);
  }
  throw new Error('no such lines');
}

const plain = (port: number, inside: string): string =>
  `http { access_log access.log json; upstream dead { server 127.0.0.1:1 max_fails=0;
      server 127.0.0.1:2 max_fails=0; }
    server { listen 127.0.0.1:${port}; server_name log.test; ${inside} } }`;

test('a request that is answered here has its facts and no tries', async (t) => {
  const port = await freePort();
  const { folder } = await startProxy(plain(port, 'location / { return 200 "abc"; }'), {
    scope: t,
  });
  await request({
    port,
    path: '/a%20b?c=1',
    headers: { Host: 'log.test', 'User-Agent': 'x "y"', Referer: 'http://r/' },
  });
  const [line = {}] = await lines(folder, 1);
  assert.deepEqual(Object.keys(line), [
    ...jsonVariables.map(({ name }) => name),
    'ssl',
    'upstream',
  ]);
  const { request_id: id, time_iso8601: time, msec, request_time: took, remote_port: from } = line;
  assert.match(String(id), /^[0-9a-f]{32}$/);
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
  for (const value of [msec, took, from]) assert.equal(typeof value, 'number');
  assert.partialDeepStrictEqual(line, {
    connection_requests: 1,
    remote_addr: '127.0.0.1',
    remote_user: null,
    server_addr: '127.0.0.1',
    server_port: port,
    server_name: 'log.test',
    host: 'log.test',
    scheme: 'http',
    request_method: 'GET',
    request_uri: '/a%20b?c=1',
    uri: '/a b',
    args: 'c=1',
    server_protocol: 'HTTP/1.1',
    http_referer: 'http://r/',
    http_user_agent: 'x "y"',
    content_length: null,
    status: 200,
    body_bytes_sent: 3,
    request_completion: 'OK',
    ssl: null,
    upstream: [],
  });
});

test('each try has an element, and a redirect to another group is told', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ answer: { body: 'abc' } }, t);
  const inside = `location / { error_page 502 = @other; proxy_pass http://dead; }
    location @other { proxy_pass http://${upstream.address}; }`;
  const { folder } = await startProxy(plain(port, inside), { scope: t });
  await request({ port });
  const [line = {}] = await lines(folder, 1);
  const tries = line['upstream'] as Line[];
  assert.deepEqual(
    tries.map((one) => [one['addr'], one['status'], one['starts_group'], one['ssl']]),
    [
      ['127.0.0.1:1', 502, false, null],
      ['127.0.0.1:2', 502, false, null],
      [upstream.address, 200, true, null],
    ],
  );
  assert.equal(tries[0]?.['header_time'], null);
  assert.equal(typeof tries[2]?.['header_time'], 'number');
  assert.equal(tries[2]?.['response_length'], 3);
});

async function tlsSite(t: TestContext): Promise<{ port: number; folder: string; ca: string }> {
  const { localhost, caFile, ca } = await testPki();
  const folder = tempFolder(t);
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ tls: localhost.tls }, t);
  await startProxy(
    `http { access_log access.log json; server { listen 127.0.0.1:${port} ssl;
      ssl_certificate ${localhost.certificate}; ssl_certificate_key ${localhost.key};
      location / { proxy_pass https://${upstream.address}; proxy_ssl_name localhost;
        proxy_ssl_trusted_certificate ${caFile}; }
      location /wrong { proxy_pass https://${upstream.address}; proxy_ssl_name other.test;
        proxy_ssl_trusted_certificate ${caFile}; } } }`,
    { folder, scope: t },
  );
  return { port, folder, ca };
}

test('TLS on both sides is told, and why it was refused', async (t) => {
  const { port, folder, ca } = await tlsSite(t);
  const tls = { ca, servername: 'localhost' };
  await request({ port, tls });
  await request({ port, tls, path: '/wrong' });
  const [good = {}, bad = {}] = await lines(folder, 2);
  assert.partialDeepStrictEqual(good['ssl'], {
    protocol: 'TLSv1.3',
    session_reused: false,
    server_name: 'localhost',
    client_verify: 'NONE',
    client_s_dn: null,
  });
  const [tried] = good['upstream'] as Line[];
  assert.equal(tried?.['ssl_verify'], 'SUCCESS');
  assert.partialDeepStrictEqual(tried?.['ssl'], { protocol: 'TLSv1.3', reused: false });
  assert.deepEqual(Object.keys(tried?.['ssl'] as object), Object.keys(jsonTryTls));
  assert.match(String((bad['upstream'] as Line[])[0]?.['ssl_verify']), /^FAILED:\w+$/);
  assert.equal(bad['status'], 502);
});

test('every line stays JSON, and bytes that are no UTF-8 can be told apart', async (t) => {
  const port = await freePort();
  const { folder } = await startProxy(plain(port, 'location / { return 204; }'), { scope: t });
  const agents = ['"', '\\', 'a\tb', '\xe9', 'caf\xc3\xa9', '\x80\xff"\\', '","status":1,"x":"'];
  for (const agent of agents) await request({ port, headers: { 'User-Agent': agent } });
  const found = (await lines(folder, agents.length)).map((line) => line['http_user_agent']);
  assert.deepEqual(found, ['"', '\\', 'a\tb', 'é', 'café', '\x80\xff"\\', '","status":1,"x":"']);
});

test("a format of the configuration's own named json goes first", async (t) => {
  const port = await freePort();
  const { folder } = await startProxy(
    `http { log_format json '{"own":"$uri"}'; access_log access.log json;
      server { listen 127.0.0.1:${port}; return 204; } }`,
    { scope: t },
  );
  await request({ port, path: '/x' });
  assert.deepEqual(await lines(folder, 1), [{ own: '/x' }]);
});

test('every variable about a try at an upstream server has a field', () => {
  const names = variableRows
    .filter((row) => !row.family && row.name.startsWith('upstream_'))
    // The last one's name stands with each try.
    .map((row) => row.name.replace(/^upstream_(last_)?/, ''));
  const fields = [...Object.keys(jsonTry), ...Object.keys(jsonTryTls).map((name) => `ssl_${name}`)];
  assert.deepEqual(
    names.filter((name) => !fields.includes(name)),
    [],
  );
});

test('the document names every field, and no other', () => {
  const text = readFileSync(join(repository, 'docs/access-log.md'), 'utf8');
  const named = [...text.matchAll(/^- `([\w.[\]]+)`: /gm)].map(([, name]) => name);
  assert.deepEqual(named, [
    ...jsonVariables.map(({ name }) => name),
    'ssl',
    ...Object.keys(jsonClientTls).map((name) => `ssl.${name}`),
    'upstream',
    ...Object.keys(jsonTry).map((name) => `upstream[].${name}`),
    'upstream[].ssl',
    ...Object.keys(jsonTryTls).map((name) => `upstream[].ssl.${name}`),
  ]);
});
