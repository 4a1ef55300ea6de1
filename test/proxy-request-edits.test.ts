// What the configuration replaces in requests on their way upstream (`proxy_method`,
// `proxy_set_body`, `proxy_pass_request_body`), and from where they are sent (`proxy_bind`,
// `proxy_socket_keepalive`), beside real nginx.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;
const lengthIsTold = 'Content-Length is never that of a body that is not sent';

test('methods and bodies go upstream as in nginx', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    config: ({ port, upstreams }) => `events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen 127.0.0.1:${port};
    location /method/post { proxy_method POST; proxy_pass http://${upstreams.upstream}; }
    location /method/head { proxy_method HEAD; proxy_pass http://${upstreams.upstream}; }
    location /method/get { proxy_method GET; proxy_pass http://${upstreams.upstream}; }
    location /method/variable { proxy_method $arg_m; proxy_pass http://${upstreams.upstream}; }
    location /method/own { proxy_method PURGE; proxy_pass http://${upstreams.upstream}; }
    location /body/set {
      proxy_set_body "[$request_method $arg_b]";
      proxy_set_header X-Length $proxy_internal_body_length;
      proxy_pass http://${upstreams.upstream};
    }
    location /body/empty { proxy_set_body ""; proxy_pass http://${upstreams.upstream}; }
    location /body/posted {
      client_body_in_single_buffer on;
      proxy_set_body "<$request_body>";
      proxy_pass http://${upstreams.upstream};
    }
    location /body/both {
      proxy_method PUT;
      proxy_set_body all;
      proxy_pass_request_body off;
      proxy_pass http://${upstreams.upstream};
    }
    location /body/none {
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Body $request_body;
      proxy_pass http://${upstreams.upstream};
    }
    location /body/promised { proxy_pass_request_body off; proxy_pass http://${upstreams.upstream}; }
    location /body/streamed {
      proxy_request_buffering off;
      proxy_set_body "$request_body!";
      proxy_pass http://${upstreams.upstream};
    }
    location /v10 {
      proxy_http_version 1.0;
      proxy_request_buffering off;
      proxy_pass http://${upstreams.upstream};
    }
  }
}`,
    requests: [
      { path: '/method/post' },
      { path: '/method/post', method: 'POST', body: 'abc' },
      { path: '/method/post', method: 'HEAD' },
      { path: '/method/head', method: 'HEAD' },
      { path: '/method/get', method: 'POST', body: 'abc' },
      { path: '/method/get', method: 'HEAD' },
      { path: '/method/variable?m=OPTIONS' },
      { path: '/method/variable?m=delete' },
      { path: '/method/own' },
      { path: '/body/set?b=1' },
      { path: '/body/set?b=2', method: 'POST', body: 'abcdef' },
      {
        path: '/body/set',
        method: 'POST',
        headers: { 'Transfer-Encoding': 'chunked' },
        body: 'abc',
      },
      { path: '/body/empty', method: 'POST', body: 'abcdef' },
      { path: '/body/posted', method: 'POST', body: 'abcdef' },
      { path: '/body/posted' },
      { path: '/body/both', method: 'POST', body: 'abcdef' },
      { path: '/body/none', method: 'POST', body: 'abcdef' },
      {
        path: '/body/none',
        method: 'POST',
        headers: { 'Transfer-Encoding': 'chunked' },
        body: 'a',
      },
      { path: '/body/none' },
      { path: '/body/streamed', method: 'POST', body: 'abcdef' },
      { path: '/v10', method: 'POST', body: 'abcdef' },
      { path: '/v10', method: 'POST', headers: { 'Transfer-Encoding': 'chunked' }, body: 'abc' },
    ],
    ignore: { upstreamHeaders: ['connection'] },
  });
  assertSameAsNginx(pairs);
});

test('a body that is not passed on is not promised either', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port}; location / {
      proxy_pass_request_body off; proxy_pass http://${upstream.address}; } } }`,
    { scope: t },
  );
  const answer = await request({ port, method: 'POST', body: 'abcdef' });
  assert.equal(answer.status, 200, lengthIsTold);
  assert.equal(upstream.onlyRequest.header('content-length'), undefined);
  assert.equal(upstream.onlyRequest.body.length, 0);
});

test('a GET answered as a HEAD leaves the connection in order', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port};
      location /head { proxy_method HEAD; proxy_pass http://${upstream.address}; }
      location / { proxy_pass http://${upstream.address}; } } }`,
    { scope: t },
  );
  const { RawConnection } = await import('./kit/raw-client.ts');
  const client = await RawConnection.open({ port });
  assert.equal((await client.request({ path: '/head' })).body.length, 0);
  assert.equal((await client.request({ path: '/' })).body.toString(), 'ok\n');
  client.close();
});

// ---- where connections come from

interface Origins {
  readonly address: string;
  /** Local address and port of each connection, as the server sees them. */
  readonly seen: string[];
}

async function originServer(t: { after(end: () => Promise<void>): void }): Promise<Origins> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    seen.push(`${socket.remoteAddress}:${socket.remotePort}`);
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

test('connections come from the address that proxy_bind gives', async (t) => {
  const { address, seen } = await originServer(t);
  const port = await freePort();
  const bindPort = await freePort();
  const running = await startProxy(
    `http { proxy_bind 127.0.0.9; server { listen 127.0.0.1:${port};
      location /fixed { proxy_pass http://${address}; }
      location /port { proxy_bind 127.0.0.8:${bindPort}; proxy_pass http://${address}; }
      location /variable { proxy_bind $arg_from; proxy_pass http://${address}; }
      location /off { proxy_bind off; proxy_pass http://${address}; }
      location /foreign { proxy_bind 192.0.2.1; proxy_pass http://${address}; }
    } }`,
    { scope: t },
  );
  const from = async (path: string): Promise<string | null> => {
    seen.length = 0;
    const { status } = await request({ port, path });
    assert.equal(status, path === '/foreign' ? 502 : 200);
    return seen[0] ?? null;
  };
  assert.match((await from('/fixed')) ?? '', /^127\.0\.0\.9:/);
  assert.equal(await from('/fixed'), null, 'the connection was used again');
  assert.equal(await from('/port'), `127.0.0.8:${bindPort}`);
  assert.match((await from('/variable?from=127.0.0.7')) ?? '', /^127\.0\.0\.7:/);
  assert.match((await from('/variable?from=127.0.0.6')) ?? '', /^127\.0\.0\.6:/);
  assert.equal(await from('/variable?from=127.0.0.7'), null, 'as an own kind of connection');
  assert.match((await from('/variable')) ?? '', /^127\.0\.0\.1:/);
  assert.equal(await from('/variable?from=nonsense'), null);
  assert.match(running.errorLog(), /invalid local address "nonsense"/);
  assert.equal(await from('/off'), null);
  assert.equal(await from('/foreign'), null);
  assert.match(running.errorLog(), /bind\(\) failed \(99: Cannot assign requested address\)/);
});

const ss = ['/usr/bin/ss', '/bin/ss', '/usr/sbin/ss', '/sbin/ss'].find((path) => {
  try {
    execFileSync(path, ['-V']);
    return true;
  } catch {
    return false;
  }
});

test('proxy_socket_keepalive sets SO_KEEPALIVE', { skip: ss === undefined }, async (t) => {
  const { address, seen } = await originServer(t);
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port};
      location /on { proxy_socket_keepalive on; proxy_bind 127.0.0.9; proxy_pass http://${address}; }
      location /off { proxy_bind 127.0.0.8; proxy_pass http://${address}; }
    } }`,
    { scope: t },
  );
  for (const path of ['/on', '/off']) await request({ port, path });
  const sockets = execFileSync(ss ?? '', ['-tno', 'dst', address], { encoding: 'utf8' }).split(
    '\n',
  );
  const lineOf = (origin: string): string => sockets.find((line) => line.includes(origin)) ?? '';
  assert.match(lineOf(seen[0] ?? '?'), /timer:\(keepalive/);
  assert.doesNotMatch(lineOf(seen[1] ?? '?'), /timer:\(keepalive/);
});

// ---- refused

for (const lines of [
  'proxy_bind nonsense;',
  'proxy_redirect off; proxy_redirect a b;',
  'proxy_redirect a b; proxy_redirect off;',
  'proxy_redirect nonsense;',
  'proxy_redirect default;',
  'proxy_redirect a b; proxy_redirect default;',
  'proxy_bind 127.0.0.1 wrong;',
  'proxy_bind unix:/x;',
  'proxy_set_body a; proxy_set_body b;',
  'proxy_method GET POST;',
  'proxy_limit_rate fast;',
  'proxy_ignore_headers Foo;',
  'proxy_busy_buffers_size 1k;',
  'proxy_busy_buffers_size 29k;',
  'proxy_max_temp_file_size 1k;',
  'proxy_temp_file_write_size 1k;',
  'proxy_buffers 1 4k;',
  'proxy_buffer_size 64k;',
  'proxy_temp_path x 0;',
  'proxy_temp_path x a;',
  'proxy_store_access foo;',
  'proxy_store_access user:x;',
  'client_body_in_file_only sometimes;',
]) {
  test(`is refused in nginx's words: ${lines}`, { skip }, async (t) => {
    const text = `events {}
http { server { listen 127.0.0.1:8080; location / { ${lines} proxy_pass http://127.0.0.1:1; } } }`;
    const folder = tempFolder(t);
    const nginx = checkConfig(text, { folder, scope: t });
    const loaded = await loadConfig({ file: `${folder}/nginx.conf`, text, prefix: folder });
    const [message = ''] = nginx.messages;
    assert.ok(!nginx.ok && !loaded.ok);
    const ours = loaded.diagnostics.filter(({ severity }) => severity === 'error');
    assert.ok(
      ours.some((one) => message.includes(one.message)),
      `${message}\n${ours.map((one) => one.message).join('\n')}`,
    );
  });
}

test('proxy_bind … transparent is refused with the reason', async () => {
  const text = 'http { proxy_bind $remote_addr transparent; } events {}';
  const loaded = await loadConfig({ file: '/x.conf', text, prefix: '/' });
  assert.ok(!loaded.ok);
  assert.match(loaded.diagnostics[0]?.message ?? '', /cannot be "transparent" here: Node\.js/);
});
