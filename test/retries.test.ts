// When a request goes to another server of its group, and when it must not: every condition of
// `proxy_next_upstream`, methods that may not be sent twice, limits, weights, servers that are out,
// pooled connections that had died. What nginx knows as well is compared with nginx.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { blackhole } from './kit/blackhole.ts';
import { eventually, lines } from './kit/eventually.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import type { RequestOptions } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import type { Answer, RecordedRequest } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

// ---- the servers: what each does to a request stands in the request's field X-<name>

const closing: Answer = { body: 'ok', headers: { Connection: 'close' } };

const behaviours: Readonly<Record<string, (socket: Socket) => Answer | undefined>> = {
  ok: () => closing,
  reset: (socket) => {
    socket.resetAndDestroy();
    return undefined;
  },
  close: (socket) => {
    socket.destroy();
    return undefined;
  },
  silent: () => undefined,
  nul: () => ({ raw: 'HTTP/1.1 200 OK\r\nX-Bad: a\0b\r\nContent-Length: 0\r\n\r\n' }),
};

function server(name: string, scope: Scope): Promise<RecordingUpstream> {
  return RecordingUpstream.start(
    {
      answer: (received: RecordedRequest, socket: Socket) => {
        const how = received.header(`x-${name}`) ?? 'ok';
        const status = Number(how);
        if (status > 0) return { status, reason: 'As Asked', body: how };
        return behaviours[how]?.(socket);
      },
    },
    scope,
  );
}

// ---- one row: a group, directives, a request, and what the servers got and the client saw

interface Row {
  readonly name: string;
  /** `server` lines; `a`, `b`, `c` and `dead` stand for addresses. Default: a, then b. */
  readonly group?: string;
  readonly directives?: string;
  readonly a?: string;
  readonly b?: string;
  readonly request?: RequestOptions;
  /** `status client | servers tried | their statuses`. */
  readonly expected: string;
  /** What nginx does instead, where it does something else. */
  readonly nginx?: string;
}

const both = 'server a max_fails=0; server b max_fails=0;';
const deadFirst = 'server dead max_fails=0; server b max_fails=0;';
const post = { method: 'POST', body: 'the body' };
const put = { method: 'PUT', body: 'the body' };

const rows: readonly Row[] = [
  { name: 'refused connection', group: deadFirst, expected: '200 | dead, b | 502, 200' },
  { name: 'reset', a: 'reset', expected: '200 | a, b | 502, 200' },
  { name: 'close without an answer', a: 'close', expected: '200 | a, b | 502, 200' },
  { name: 'silence', a: 'silent', expected: '200 | a, b | 504, 200' },
  {
    name: 'a GET that goes out as POST',
    directives: 'proxy_method POST;',
    a: 'reset',
    expected: '502 | a | 502',
    // It sends the POST twice.
    nginx: '200 | a, b | 502, 200',
  },
  {
    name: 'a POST that goes out as GET',
    directives: 'proxy_method GET;',
    a: 'reset',
    request: { method: 'POST', body: 'the body' },
    expected: '502 | a | 502',
  },
  { name: 'HEAD', a: 'reset', request: { method: 'HEAD' }, expected: '200 | a, b | 502, 200' },
  { name: '500 is an answer by default', a: '500', expected: '500 | a | 500' },
  { name: '404 is an answer by default', a: '404', expected: '404 | a | 404' },
  ...['500', '502', '503', '504', '403', '404', '429'].map((status) => ({
    name: `http_${status}`,
    directives: `proxy_next_upstream http_${status};`,
    a: status,
    expected: `200 | a, b | ${status}, 200`,
  })),
  {
    name: 'another status than the one named',
    directives: 'proxy_next_upstream http_503;',
    a: '500',
    expected: '500 | a | 500',
  },
  {
    name: 'the last server’s status is the answer',
    directives: 'proxy_next_upstream http_503;',
    a: '503',
    b: '503',
    expected: '503 | a, b | 503, 503',
  },
  { name: 'invalid head, not named', a: 'nul', expected: '502 | a | 502' },
  {
    name: 'invalid_header',
    directives: 'proxy_next_upstream invalid_header;',
    a: 'nul',
    expected: '200 | a, b | 502, 200',
  },
  {
    name: 'error not named',
    directives: 'proxy_next_upstream timeout;',
    a: 'reset',
    expected: '502 | a | 502',
  },
  {
    name: 'timeout not named',
    directives: 'proxy_next_upstream error;',
    a: 'silent',
    expected: '504 | a | 504',
  },
  {
    name: 'off, refused',
    group: deadFirst,
    directives: 'proxy_next_upstream off;',
    expected: '502 | dead | 502',
  },
  {
    name: 'off, reset',
    directives: 'proxy_next_upstream off;',
    a: 'reset',
    expected: '502 | a | 502',
  },
  {
    name: 'POST that was not sent',
    group: deadFirst,
    request: post,
    expected: '200 | dead, b | 502, 200',
  },
  { name: 'POST that was sent', a: 'reset', request: post, expected: '502 | a | 502' },
  { name: 'POST without an answer', a: 'silent', request: post, expected: '504 | a | 504' },
  {
    name: 'POST and http_503',
    directives: 'proxy_next_upstream error http_503;',
    a: '503',
    request: post,
    expected: '503 | a | 503',
  },
  {
    name: 'POST and non_idempotent',
    directives: 'proxy_next_upstream error http_503 non_idempotent;',
    a: '503',
    request: post,
    expected: '200 | a, b | 503, 200',
  },
  {
    name: 'LOCK that was sent',
    a: 'reset',
    request: { method: 'LOCK' },
    expected: '502 | a | 502',
  },
  {
    name: 'PATCH that was sent',
    a: 'reset',
    request: { ...post, method: 'PATCH' },
    expected: '502 | a | 502',
  },
  { name: 'PUT', a: 'reset', request: put, expected: '200 | a, b | 502, 200' },
  { name: 'DELETE', a: 'reset', request: { method: 'DELETE' }, expected: '200 | a, b | 502, 200' },
  {
    name: 'one try',
    directives: 'proxy_next_upstream_tries 1;',
    a: 'reset',
    expected: '502 | a | 502',
  },
  {
    name: 'two tries of three',
    group: 'server dead max_fails=0; server a max_fails=0; server b max_fails=0;',
    directives: 'proxy_next_upstream_tries 2;',
    a: 'reset',
    expected: '502 | dead, a | 502, 502',
  },
  {
    name: 'the time for further tries is over',
    directives: 'proxy_next_upstream_timeout 100ms;',
    a: 'silent',
    expected: '504 | a | 504',
  },
  { name: 'down', group: 'server a down; server b;', expected: '200 | b | 200' },
  { name: 'all down', group: 'server a down; server b down;', expected: '502 | group | 502' },
  {
    name: 'all dead',
    group: 'server dead; server dead;',
    expected: '502 | dead, dead | 502, 502',
  },
  {
    name: 'backup while the others work',
    group: 'server a; server b backup;',
    expected: '200 | a | 200',
  },
  {
    name: 'backup when the others fail',
    group: 'server dead; server b backup;',
    expected: '200 | dead, b | 502, 200',
  },
  {
    name: 'backup when the others are down',
    group: 'server a down; server b backup;',
    expected: '200 | b | 200',
  },
];

interface Site {
  readonly port: number;
  readonly names: Readonly<Record<string, string>>;
  readonly servers: Readonly<Record<string, RecordingUpstream>>;
}

async function site(scope: Scope): Promise<Site> {
  const servers: Record<string, RecordingUpstream> = {};
  const names: Record<string, string> = { dead: `127.0.0.1:${await freePort()}` };
  for (const name of ['a', 'b', 'c']) {
    const one = await server(name, scope);
    servers[name] = one;
    names[name] = one.address;
  }
  return { port: await freePort(), names, servers };
}

function withAddresses(text: string, { names }: Site): string {
  return text.replace(/server (\w+)/g, (_, name: string) => `server ${names[name] ?? name}`);
}

interface Place {
  readonly group: string;
  readonly directives?: string;
}

function config(places: readonly Place[], here: Site): string {
  const groups = places.map(
    ({ group }, i) => `upstream group${i} { ${withAddresses(group, here)} }`,
  );
  const locations = places.map(
    ({ directives = '' }, i) => `location /${i} { proxy_pass http://group${i}; ${directives} }`,
  );
  return `events {}
http {
  log_format tries '$uri|$upstream_addr|$upstream_status|$status';
  access_log access.log tries;
  proxy_read_timeout 200ms;
  ${groups.join('\n  ')}
  server {
    listen 127.0.0.1:${here.port};
    ${locations.join('\n    ')}
  }
}`;
}

interface Running {
  readonly here: Site;
  /** Log lines so far as `uri|names tried|statuses|status`. */
  log(count: number): Promise<string[]>;
}

async function start(
  which: 'nginx' | 'proxy',
  places: readonly Place[],
  scope: Scope,
): Promise<Running> {
  const here = await site(scope);
  const folder = tempFolder(scope);
  const text = config(places, here).replace('access.log', `${folder}/access.log`);
  const running =
    which === 'nginx'
      ? await startNginx(text, { scope, folder })
      : await startProxy(text, { scope, folder });
  const named = (line: string): string =>
    Object.entries(here.names)
      .reduce((rest, [name, address]) => rest.replaceAll(address, name), line)
      .replace(/group\d+/g, 'group');
  return {
    here,
    log: async (count) => (await lines(() => running.accessLog(), count)).map(named),
  };
}

async function outcomes(which: 'nginx' | 'proxy', scope: Scope): Promise<string[]> {
  const places = rows.map(({ group = both, directives }) => ({
    group,
    ...(directives === undefined ? {} : { directives }),
  }));
  const { here, log } = await start(which, places, scope);
  for (const [i, { a = 'ok', b = 'ok', request: options }] of rows.entries()) {
    const headers = { 'X-A': a, 'X-B': b };
    await request({ port: here.port, path: `/${i}`, headers, ...options });
  }
  return (await log(rows.length)).map((line, i) => {
    const [, tried = '', statuses = '', status = ''] = line.split('|');
    return `${rows[i]?.name ?? ''}: ${status} | ${tried} | ${statuses}`;
  });
}

const expected = rows.map((row) => `${row.name}: ${row.expected}`);

test('each condition leads to the next server or to the answer that it names', async (t) => {
  assert.deepEqual(await outcomes('proxy', t), expected);
});

test('nginx decides in the same way', { skip }, async (t) => {
  const theirs = rows.map((row) => `${row.name}: ${row.nginx ?? row.expected}`);
  assert.deepEqual(await outcomes('nginx', t), theirs);
});

// ---- what of a request is sent again

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('the next server gets the whole request again, byte for byte', async (t) => {
  const group = 'server a max_fails=0; server b max_fails=0 backup;';
  const places = [{ group, directives: 'client_body_buffer_size 16k;' }];
  const { here } = await start('proxy', places, t);
  for (const size of [1, 16_384, 16_385, 1_000_000]) {
    const body = randomBytes(size);
    for (const framing of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const headers = { 'X-A': 'reset', 'X-B': 'ok', ...framing };
      const { a, b } = here.servers;
      a?.clear();
      b?.clear();
      const answer = await request({ port: here.port, path: '/0', method: 'PUT', headers, body });
      assert.equal(answer.status, 200);
      const [first, second] = [a?.onlyRequest, b?.onlyRequest];
      assert.equal(hash(second?.body ?? Buffer.alloc(0)), hash(body));
      assert.deepEqual(second?.headers, first?.headers);
      assert.equal(second?.requestLine, first?.requestLine);
    }
  }
});

test('a body that passed through unbuffered is not sent to a second server', async (t) => {
  const places = [{ group: both, directives: 'proxy_request_buffering off;' }];
  const { here } = await start('proxy', places, t);
  const headers = { 'X-A': 'reset', 'X-B': 'ok' };
  const answer = await request({ port: here.port, path: '/0', method: 'PUT', headers, body: 'x' });
  assert.equal(answer.status, 502);
  assert.equal(here.servers['b']?.requests.length, 0);
});

test('an unbuffered body of which nothing was sent goes to the next server', async (t) => {
  const places = [{ group: deadFirst, directives: 'proxy_request_buffering off;' }];
  const { here } = await start('proxy', places, t);
  const body = randomBytes(300_000);
  for (const framing of [{}, { 'Transfer-Encoding': 'chunked' }]) {
    const { b } = here.servers;
    b?.clear();
    const options = { method: 'POST', headers: framing, body };
    const answer = await request({ port: here.port, path: '/0', ...options });
    assert.equal(answer.status, 200);
    assert.equal(hash(b?.onlyRequest.body ?? Buffer.alloc(0)), hash(body));
  }
});

// ---- which server comes next

async function sequence(
  which: 'nginx' | 'proxy',
  group: string,
  fields: readonly Readonly<Record<string, string>>[],
  scope: Scope,
): Promise<string[]> {
  const { here, log } = await start(which, [{ group }], scope);
  for (const headers of fields) await request({ port: here.port, path: '/0', headers });
  return (await log(fields.length)).map((line) => line.split('|')[1] ?? '');
}

const fine: readonly Record<string, string>[] = Array.from({ length: 14 }, () => ({}));
const failing = fine.map((_, i) => (i % 3 === 0 ? { 'X-A': 'reset' } : {}));
const sequences = [
  { name: 'equal weights', group: 'server a; server b; server c;', fields: fine },
  { name: 'weights 5, 1, 1', group: 'server a weight=5; server b; server c;', fields: fine },
  {
    name: 'weights 1, 2, 4',
    group: 'server a; server b weight=2; server c weight=4;',
    fields: fine,
  },
  {
    name: 'a failure takes a server out',
    group: 'server a fail_timeout=60s; server b; server c;',
    fields: failing,
  },
  {
    name: 'two failures take a server out',
    group: 'server a max_fails=2 fail_timeout=60s; server b; server c;',
    fields: failing,
  },
  {
    name: 'a heavy server that fails now and then is asked less often',
    group: 'server a weight=6 max_fails=3 fail_timeout=60s; server b; server c;',
    fields: failing,
  },
  {
    name: 'max_fails=0 never takes it out',
    group: 'server a max_fails=0; server b;',
    fields: failing,
  },
  {
    name: 'all have failed',
    group: 'server a fail_timeout=60s; server b fail_timeout=60s;',
    fields: Array.from({ length: 4 }, () => ({ 'X-A': 'reset', 'X-B': 'reset' })),
  },
];

for (const { name, group, fields } of sequences) {
  test(`servers are picked in nginx’s order: ${name}`, { skip }, async (t) => {
    const nginx = await sequence('nginx', group, fields, t);
    assert.deepEqual(await sequence('proxy', group, fields, t), nginx);
    assert.equal(nginx.length, fields.length);
  });
}

test('a server that was taken out is asked again after fail_timeout', async (t) => {
  const { here, log } = await start('proxy', [{ group: 'server a fail_timeout=1; server b;' }], t);
  await request({ port: here.port, path: '/0', headers: { 'X-A': 'reset' } });
  for (let i = 0; i < 4; i += 1) await request({ port: here.port, path: '/0' });
  const before = here.servers['a']?.requests.length;
  await sleep(1200);
  for (let i = 0; i < 4; i += 1) await request({ port: here.port, path: '/0' });
  const servers = (await log(9)).map((line) => line.split('|')[1]);
  assert.deepEqual(servers.slice(0, 5), ['a, b', 'b', 'b', 'b', 'b']);
  assert.equal(before, 1);
  assert.ok(servers.slice(5).includes('a'), `asked again: ${servers.join(' ')}`);
});

test('all servers down is 502 and says so in the log', async (t) => {
  const port = await freePort();
  const running = await startProxy(
    `http {
  upstream group { server 127.0.0.1:1 down; server 127.0.0.1:2 down; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://group; } }
}`,
    { scope: t },
  );
  const answer = await request({ port });
  assert.equal(answer.status, 502);
  await eventually('the line', () => running.errorLog().includes('no live upstreams'));
});

test('a server that does not take the connection in time is passed over', async (t) => {
  const hole = await blackhole(t);
  const group = `server ${hole} max_fails=0; server b;`;
  const { here, log } = await start(
    'proxy',
    [
      { group, directives: 'proxy_connect_timeout 100ms;' },
      { group, directives: 'proxy_connect_timeout 100ms; proxy_next_upstream error;' },
    ],
    t,
  );
  const answer = await request({ port: here.port, path: '/0', ...post });
  assert.equal(answer.status, 200);
  assert.equal((await request({ port: here.port, path: '/1' })).status, 504);
  const [first, second] = await log(2);
  assert.equal(first, `/0|${hole}, b|504, 200|200`);
  assert.equal(second, `/1|${hole}|504|504`);
  assert.equal(here.servers['b']?.onlyRequest.body.toString(), post.body);
});

// ---- connections from the pool that had died

interface Pooled {
  readonly port: number;
  readonly upstream: RecordingUpstream;
  readonly accessLog: () => string;
}

/** A proxy with one idle connection to a server, which is to die when the next request comes. */
async function pooled(scope: Scope, die: (socket: Socket) => void): Promise<Pooled> {
  const upstream = await RecordingUpstream.start(
    {
      answer: (received, socket) => {
        if (received.connection > 1 || received.target === '/first') return { body: 'ok' };
        die(socket);
        return undefined;
      },
    },
    scope,
  );
  const port = await freePort();
  const running = await startProxy(
    `http {
  log_format tries '$request_method $upstream_status';
  access_log access.log tries;
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://${upstream.address}; } }
}`,
    { scope },
  );
  await request({ port, path: '/first' });
  assert.equal(upstream.connectionCount, 1);
  return { port, upstream, accessLog: () => running.accessLog() };
}

const deaths = {
  FIN: (socket: Socket) => socket.end(),
  RST: (socket: Socket) => socket.resetAndDestroy(),
};

for (const [kind, die] of Object.entries(deaths)) {
  test(`GET and PUT survive a pooled connection that ends with ${kind}`, async (t) => {
    for (const options of [{}, put]) {
      const { port, upstream, accessLog } = await pooled(t, die);
      const answer = await request({ port, ...options });
      assert.equal(answer.status, 200);
      assert.equal(upstream.connectionCount, 2);
      assert.deepEqual(upstream.requests[2]?.headers, upstream.requests[1]?.headers);
      assert.deepEqual(upstream.requests[2]?.body, upstream.requests[1]?.body);
      const [, second] = await lines(accessLog, 2);
      assert.match(second ?? '', /502, 200$/);
    }
  });

  test(`POST is not sent twice where a pooled connection ends with ${kind}`, async (t) => {
    const { port, upstream } = await pooled(t, die);
    assert.equal((await request({ port, ...post })).status, 502);
    assert.equal(upstream.requests.filter(({ method }) => method === 'POST').length, 1);
    assert.equal((await request({ port, ...post })).status, 200);
  });
}

test('a pooled connection that dies in the middle of a response head is not retried on itself', async (t) => {
  const { port, upstream } = await pooled(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nX-'));
  assert.equal((await request({ port })).status, 502);
  assert.equal(upstream.requests.length, 2);
});

test('an upload that has not begun survives a pooled connection that dies', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const port = await freePort();
  await startProxy(
    `http {
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://${upstream.address}; proxy_request_buffering off; }
  }
}`,
    { scope: t },
  );
  await request({ port });
  const client = await RawConnection.open({ port });
  t.after(() => client.close());
  await client.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n');
  await eventually('the head upstream', () => upstream.requests.length === 2);
  upstream.dropConnections();
  await client.send('ab');
  await sleep(20);
  await client.send('cd');
  assert.equal((await client.response()).status, 200);
  assert.equal(upstream.requests[2]?.body.toString(), 'abcd');
});

// ---- verification

test('a server that fails verification is never passed over silently', async (t) => {
  const pki = await testPki();
  const wrong = await RecordingUpstream.start({ tls: pki.b.tls }, t);
  const right = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const port = await freePort();
  const running = await startProxy(
    `http {
  log_format tries '$upstream_addr|$upstream_status|$upstream_ssl_verify';
  access_log access.log tries;
  upstream group { server ${wrong.address} max_fails=0; server ${right.address}; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass https://group;
      proxy_ssl_name a.test;
      proxy_ssl_trusted_certificate ${pki.caFile};
      proxy_next_upstream error timeout invalid_header http_502 non_idempotent;
    }
  }
}`,
    { scope: t },
  );
  assert.equal((await request({ port })).status, 502);
  assert.equal(right.requests.length, 0);
  assert.equal(wrong.requests.length, 0);
  const [line] = await lines(() => running.accessLog(), 1);
  assert.equal(line, `${wrong.address}|502|FAILED:UPSTREAM_TLS_NAME_MISMATCH`);
  await eventually('the code', () => running.errorLog().includes('UPSTREAM_TLS_NAME_MISMATCH'));
});
