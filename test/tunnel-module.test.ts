// `tunnel_pass`: CONNECT and the bytes behind it, only where the configuration asks for it, only to
// where it lets clients go; with curl, with bytes of our own, and with TLS on the inside and outside.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { loadConfig } from '../src/index.ts';
import { blackhole } from './kit/blackhole.ts';
import { DnsServer } from './kit/dns-server.ts';
import { eventually } from './kit/eventually.ts';
import { kernelBytes, proxyBytes } from './kit/kernel-buffers.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { exchange, RawConnection, request, type Target } from './kit/raw-client.ts';
import { startRawServer, type RawServer } from './kit/raw-server.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const pki = await testPki();
const run = promisify(execFile);

const logFormat =
  `log_format tunnels '$request_method $request_uri $status $bytes_sent $body_bytes_sent ` +
  `$upstream_addr $upstream_status $upstream_bytes_sent $upstream_bytes_received $remote_user';\n` +
  'access_log access.log tunnels;\n';

interface Running {
  readonly port: number;
  readonly proxy: RunningProxy;
}

/** A server with these lines, on a port of its own. */
async function start(t: TestContext, lines: string, http = ''): Promise<Running> {
  const port = await freePort();
  const text = `http { ${logFormat} ${http} server { listen 127.0.0.1:${port}; ${lines} } }`;
  return { port, proxy: await startProxy(text, { scope: t }) };
}

/** What a server that is connected to has seen. */
interface Peer {
  readonly socket: Socket;
  received: Buffer;
  ended: boolean;
  closed: boolean;
}

async function rawServer(t: TestContext): Promise<{ server: RawServer; peers: Peer[] }> {
  const peers: Peer[] = [];
  const server = await startRawServer(
    (socket) => {
      const peer: Peer = { socket, received: Buffer.alloc(0), ended: false, closed: false };
      peers.push(peer);
      socket.on('data', (chunk: Buffer) => {
        peer.received = Buffer.concat([peer.received, chunk]);
      });
      socket.on('end', () => (peer.ended = true));
      socket.on('close', () => (peer.closed = true));
    },
    { scope: t },
  );
  return { server, peers };
}

const connectLine = (target: string, fields = ''): string =>
  `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${fields}\r\n`;

/** The status that a CONNECT gets, with the connection. */
async function ask(
  where: Target,
  target: string,
  fields = '',
  early = '',
): Promise<{ client: RawConnection; status: number; head: string }> {
  const client = await RawConnection.open(where);
  await client.send(connectLine(target, fields) + early);
  const { status, raw } = await client.response('CONNECT');
  return { client, status, head: raw.toString('latin1') };
}

async function statusOf(where: Target, target: string, fields = ''): Promise<number> {
  const { client, status } = await ask(where, target, fields);
  client.close();
  return status;
}

async function tunnel(where: Target, target: string, peers: Peer[], early = '') {
  const before = peers.length;
  const { client, status } = await ask(where, target, '', early);
  assert.equal(status, 200);
  const peer = await eventually('the connection', () => peers[before]);
  return { client, peer };
}

const received = (peer: Peer, length: number): Promise<boolean> =>
  eventually(`${length} bytes at the server`, () => peer.received.length >= length);

const curl = async (...args: string[]): Promise<string> =>
  (await run('curl', ['-sS', '--max-time', '10', ...args])).stdout;

// ---- who is answered what

test('CONNECT is 405 where no tunnel_pass stands, and everything else where one does', async (t) => {
  const { server } = await rawServer(t);
  const plain = await start(t, 'location / { return 200 ok; }');
  assert.equal(await statusOf(plain, server.address), 405);
  const { port } = await start(
    t,
    `tunnel_pass; location /page { return 200 page; } location /up { proxy_pass http://${server.address}; }`,
  );
  assert.equal((await request({ port, path: '/' })).status, 405);
  assert.equal((await request({ port, path: '/', method: 'POST', body: 'x' })).status, 405);
  assert.equal((await request({ port, path: '/page' })).body.toString(), 'page');
  assert.equal(await statusOf({ port }, server.address), 200);
  // The server's tunnel_pass is not that of its locations.
  const located = await start(t, 'tunnel_pass; location / { root /tmp; }');
  assert.equal(await statusOf(located, server.address), 405);
  const proxied = await start(
    t,
    `location / { proxy_pass http://${server.address}; } location /t { tunnel_pass; }`,
  );
  const before = server.sockets.length;
  assert.equal(await statusOf(proxied, server.address), 405);
  assert.equal(server.sockets.length, before);
});

test('an if in a location has the tunnel of the location, and may have one of its own', async (t) => {
  const { server, peers } = await rawServer(t);
  const { port } = await start(
    t,
    `location / {
      tunnel_pass;
      if ($http_x_fixed) { tunnel_pass ${server.address}; }
      if ($http_x_same) { set $same 1; }
    }`,
  );
  assert.equal(await statusOf({ port }, 'nowhere.test:1', 'X-Fixed: 1\r\n'), 200);
  assert.equal(await statusOf({ port }, server.address, 'X-Same: 1\r\n'), 200);
  await eventually('both', () => peers.length === 2);
});

test('the answer is a head without framing, with the fields that the configuration adds', async (t) => {
  const { server } = await rawServer(t);
  const { port } = await start(t, 'tunnel_pass; add_header X-Via tunnel; limit_rate 10;');
  const { head, client } = await ask({ port }, server.address);
  assert.match(
    head,
    /^HTTP\/1\.1 200 OK\r\nServer: sallyport\r\nDate: [^\r]*\r\nX-Via: tunnel\r\n\r\n$/,
  );
  client.close();
});

test('what is no proper CONNECT is refused before anything is connected', async (t) => {
  const { server } = await rawServer(t);
  const { port, proxy } = await start(t, 'tunnel_pass;');
  const answer = async (bytes: string): Promise<number> =>
    Number((await exchange({ port }, bytes)).toString('latin1').split(' ')[1]);
  const to = server.address;
  const close = 'Connection: close\r\n';
  assert.equal(await answer(`CONNECT 127.0.0.1 HTTP/1.1\r\nHost: 127.0.0.1\r\n${close}\r\n`), 400);
  assert.equal(await answer(`CONNECT http://${to}/ HTTP/1.1\r\nHost: ${to}\r\n${close}\r\n`), 400);
  assert.equal(await answer(`CONNECT ${to} HTTP/1.1\r\nHost: other.test:1\r\n${close}\r\n`), 400);
  assert.equal(await answer(`CONNECT ${to} HTTP/1.1\r\n${close}\r\n`), 400);
  assert.equal(await answer(connectLine(to, `Content-Length: 4\r\n${close}`) + 'body'), 400);
  const chunked = `Transfer-Encoding: chunked\r\n${close}`;
  assert.equal(await answer(connectLine(to, chunked) + '0\r\n\r\n'), 400);
  // A name that looks like the beginning of a path to a socket is none.
  for (const odd of ['unix:80', 'a%2fb:80', '127.0.0.1:0']) {
    assert.equal(await statusOf({ port }, odd), odd === 'a%2fb:80' ? 502 : 500, odd);
  }
  assert.match(proxy.errorLog(), /invalid host in upstream "unix:80"/);
  assert.equal(server.sockets.length, 0);
});

test('what else is answered 200 to CONNECT ends the connection, and errors do not', async (t) => {
  const { port } = await start(
    t,
    'tunnel_pass; location / { return 200 "no tunnel"; } location = /x { tunnel_pass; }',
  );
  const bytes = await exchange({ port }, connectLine('x.test:80') + 'GET /x HTTP/1.1\r\n');
  assert.match(bytes.toString('latin1'), /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n/s);
  assert.equal(bytes.toString('latin1').match(/HTTP\/1/g)?.length, 1);
  const denied = await start(t, 'tunnel_pass; deny all;');
  const client = await RawConnection.open(denied);
  for (let i = 0; i < 2; i += 1) {
    await client.send(connectLine('x.test:80'));
    assert.equal((await client.response()).status, 403);
  }
  client.close();
});

test('HTTP/1.0, and a Host without the port, will do', async (t) => {
  const { server } = await rawServer(t);
  const { port } = await start(t, 'tunnel_pass;');
  const to = server.address;
  for (const head of [
    `CONNECT ${to} HTTP/1.0\r\n\r\n`,
    `CONNECT ${to} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nContent-Length: 0\r\nProxy-Connection: keep-alive\r\n\r\n`,
  ]) {
    const client = await RawConnection.open({ port });
    await client.send(head);
    assert.equal((await client.response('CONNECT')).status, 200, head);
    client.close();
  }
});

// ---- bytes

for (const secure of [false, true]) {
  const way = secure ? 'over TLS to the proxy' : 'over a plain connection';

  test(`bytes pass both ways, each side may end first, and one line is logged: ${way}`, async (t) => {
    const { server, peers } = await rawServer(t);
    const [plainPort, tlsPort] = [await freePort(), await freePort()];
    const proxy = await startProxy(
      `http { ${logFormat} server {
        listen 127.0.0.1:${plainPort};
        listen 127.0.0.1:${tlsPort} ssl;
        ssl_certificate ${pki.b.certificate};
        ssl_certificate_key ${pki.b.key};
        tunnel_pass;
      } }`,
      { scope: t },
    );
    const where: Target = secure
      ? { port: tlsPort, tls: { ca: pki.ca, servername: 'b.test' } }
      : { port: plainPort };
    const first = await tunnel(where, server.address, peers, 'early');
    await received(first.peer, 5);
    first.peer.socket.write('pong');
    assert.equal((await first.client.bytes(4)).toString(), 'pong');
    first.client.end();
    await eventually('the end', () => first.peer.ended);
    first.peer.socket.end('still here');
    assert.equal((await first.client.closed()).toString(), 'still here');
    await eventually('the close', () => first.peer.closed);
    assert.equal(first.peer.received.toString(), 'early');
    const line = await eventually('the line', () => proxy.accessLog().trim() || null);
    const [method, target, status, sent, body, address, ...upstream] = line.split(' ');
    assert.deepEqual(
      [method, target, status, body, address, ...upstream],
      ['CONNECT', server.address, '200', '14', server.address, '200', '5', '14', '-'],
    );
    assert.ok(Number(sent) > 14);

    const second = await tunnel(where, server.address, peers);
    second.client.socket.allowHalfOpen = true;
    second.peer.socket.end('bye');
    await second.client.received.until('the end', (_, ended) => (ended ? true : null));
    await second.client.send('one more');
    await received(second.peer, 8);
    second.client.end();
    await eventually('the close', () => second.peer.closed);
  });
}

test('megabytes each way arrive exactly, in pieces of tunnel_buffer_size and without', async (t) => {
  const { server, peers } = await rawServer(t);
  const { port } = await start(
    t,
    'location / { tunnel_pass; if ($http_x) { set $x 1; } } tunnel_buffer_size 1k;',
  );
  const large = await start(t, 'tunnel_pass; tunnel_buffer_size 1m;');
  for (const where of [{ port }, large]) {
    const { client, peer } = await tunnel(where, server.address, peers);
    const [up, down] = [randomBytes(3_000_000), randomBytes(3_000_000)];
    peer.socket.write(down);
    await client.send(up);
    assert.ok((await client.bytes(down.length)).equals(down));
    await received(peer, up.length);
    assert.ok(peer.received.equals(up));
    client.close();
    await eventually('the end', () => peer.ended);
  }
});

test('a side that does not read holds the other back', async (t) => {
  const { server, peers } = await rawServer(t);
  const { port } = await start(t, 'tunnel_pass;');
  for (const [slow, fast] of [
    ['client', 'peer'],
    ['peer', 'client'],
  ] as const) {
    const pair = await tunnel({ port }, server.address, peers);
    const sockets = { client: pair.client.socket, peer: pair.peer.socket };
    sockets[slow].pause();
    let sent = 0;
    const piece = Buffer.alloc(100_000);
    const pump = (): void => {
      sockets[fast].write(piece, (error) => {
        if (error !== null && error !== undefined) return;
        sent += piece.length;
        if (sent < 100_000_000) pump();
      });
    };
    pump();
    for (let last = -1; last !== sent;) {
      last = sent;
      await sleep(150);
    }
    assert.ok(sent < kernelBytes + proxyBytes, `${sent} bytes were taken from the ${fast}`);
    sockets.client.destroy();
    sockets.peer.destroy();
  }
});

test('when one side is cut, the other is closed, and a client that leaves early is 499', async (t) => {
  const { server, peers } = await rawServer(t);
  const hole = await blackhole(t);
  const { port, proxy } = await start(t, 'tunnel_pass;');
  const first = await tunnel({ port }, server.address, peers);
  first.client.reset();
  await eventually('the end', () => first.peer.ended);
  const second = await tunnel({ port }, server.address, peers);
  second.peer.socket.resetAndDestroy();
  await second.client.closed().catch(() => undefined);
  const third = await RawConnection.open({ port });
  await third.send(connectLine(hole));
  await sleep(100);
  third.close();
  await eventually('the line', () => proxy.accessLog().includes(` 499 `));
});

// ---- times

test('silence for tunnel_read_timeout ends it, and a byte either way keeps it', async (t) => {
  const { server, peers } = await rawServer(t);
  const { port, proxy } = await start(t, 'tunnel_pass; tunnel_read_timeout 300ms;');
  const { client, peer } = await tunnel({ port }, server.address, peers);
  for (let i = 0; i < 6; i += 1) {
    await sleep(120);
    if (i % 2 === 0) await client.send('x');
    else peer.socket.write('y');
  }
  assert.equal(peer.ended, false);
  await client.closed();
  await eventually('the end', () => peer.ended);
  await eventually('the line', () => /timed out: nothing was sent/.test(proxy.errorLog()));
});

test('a server that takes nothing is given up after tunnel_send_timeout', async (t) => {
  const { server, peers } = await rawServer(t);
  const { port, proxy } = await start(t, 'tunnel_pass; tunnel_send_timeout 300ms;');
  const { client, peer } = await tunnel({ port }, server.address, peers);
  peer.socket.pause();
  client.socket.on('error', () => undefined);
  client.socket.write(Buffer.alloc(30_000_000));
  await client.closed().catch(() => undefined);
  await eventually('the line', () => /timed out: upstream takes/.test(proxy.errorLog()));
  peer.socket.destroy();
});

test('a server that does not answer is given up after tunnel_connect_timeout', async (t) => {
  const hole = await blackhole(t);
  const { port } = await start(t, 'tunnel_pass; tunnel_connect_timeout 200ms;');
  assert.equal(await statusOf({ port }, hole), 504);
});

// ---- where to

test('a fixed address, a group, and a unix socket', async (t) => {
  const { server, peers } = await rawServer(t);
  const folder = mkdtempSync(path.join(tmpdir(), 'tunnel-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const socketPath = path.join(folder, 'server.sock');
  const local = createServer((socket) => socket.end('unix'));
  await new Promise<void>((resolve) => local.listen(socketPath, resolve));
  t.after(() => local.close());
  const dead = await freePort();
  const group = (name: string): string =>
    `upstream ${name} { server 127.0.0.1:${dead}; server ${server.address} backup; }`;
  const { port, proxy } = await start(
    t,
    `location / { tunnel_pass ${server.address}; if ($http_x) { set $x 1; } }`,
    group('some'),
  );
  await tunnel({ port }, 'anything.test:443', peers);
  const cases: readonly [string, number][] = [
    ['some', 200],
    ['$http_group', 200],
    [`unix:${socketPath}`, 200],
    [`unix:$http_path`, 200],
    ['some; tunnel_next_upstream off', 502],
    ['some; tunnel_next_upstream_tries 1', 502],
    ['some; tunnel_next_upstream timeout', 502],
  ];
  const fields = `Group: some\r\nPath: ${socketPath}\r\n`;
  for (const [line, status] of cases) {
    const one = await start(t, `tunnel_pass ${line};`, group('some'));
    assert.equal(await statusOf(one, 'anything.test:443', fields), status, line);
    if (line !== 'some') continue;
    peers.at(-1)?.socket.end();
    await eventually('the line', () =>
      one.proxy.accessLog().includes(`127.0.0.1:${dead}, ${server.address} 502, 200`),
    );
  }
  assert.equal(proxy.errorLog().includes('[error]'), false);
});

test('names are looked up by resolver', async (t) => {
  const { server, peers } = await rawServer(t);
  const dns = await DnsServer.start(t);
  dns.setAddresses('server.test', ['127.0.0.1'], 60);
  const at = server.address.slice(server.address.indexOf(':'));
  const { port, proxy } = await start(t, `tunnel_pass; resolver ${dns.address} ipv6=off;`);
  await tunnel({ port }, `SERVER.test.${at}`, peers);
  await tunnel({ port }, `server.test${at}`, peers);
  assert.equal(dns.asked('server.test'), 1);
  assert.equal(await statusOf({ port }, `unknown.test${at}`), 502);
  // Not what C libraries take for an address.
  for (const odd of ['127.1', '2130706433', '0x7f000001']) {
    assert.equal(await statusOf({ port }, odd + at), 502, odd);
  }
  assert.match(proxy.errorLog(), /unknown\.test could not be resolved \(3: Host not found\)/);
  const none = await start(t, 'tunnel_pass;');
  assert.equal(await statusOf(none, `server.test${at}`), 502);
  assert.match(none.proxy.errorLog(), /no resolver defined to resolve server\.test/);
});

test('tunnel_bind says where connections come from', async (t) => {
  const { server, peers } = await rawServer(t);
  const { port } = await start(
    t,
    'tunnel_pass; tunnel_bind 127.0.0.2; tunnel_socket_keepalive on;',
  );
  const { peer } = await tunnel({ port }, server.address, peers);
  assert.equal(peer.socket.remoteAddress, '127.0.0.2');
});

test('an idle connection of proxy_pass is never a tunnel', async (t) => {
  let connections = 0;
  const upstream = await RecordingUpstream.start(
    { answer: () => ({ body: 'one' }), onConnection: () => (connections += 1) },
    t,
  );
  const { port } = await start(
    t,
    `tunnel_pass group; location /page { proxy_pass http://group; }`,
    `upstream group { server ${upstream.address}; keepalive 8; }`,
  );
  assert.equal((await request({ port, path: '/page' })).body.toString(), 'one');
  const { client, status } = await ask({ port }, 'x.test:80');
  assert.equal(status, 200);
  await client.send('GET /two HTTP/1.1\r\nHost: y\r\n\r\n');
  assert.equal((await client.response()).body.toString(), 'one');
  assert.equal(upstream.requests.length, 2);
  assert.equal(connections, 2);
  client.close();
});

// ---- who, and where to: restrictions

test('maps of host and port restrict the target, as the documentation shows', async (t) => {
  const { server } = await rawServer(t);
  const dns = await DnsServer.start(t);
  dns.setAddresses('good.test', ['127.0.0.1'], 60);
  dns.setAddresses('bad.test', ['127.0.0.1'], 60);
  const serverPort = server.address.slice(server.address.indexOf(':') + 1);
  const { port } = await start(
    t,
    `resolver ${dns.address} ipv6=off;
     if ($allow_port != 1) { return 502; }
     if ($allow_host != 1) { return 502; }
     tunnel_pass;`,
    `map $request_port $allow_port { ${serverPort} 1; }
     map $host $allow_host { hostnames; .good.test 1; }`,
  );
  assert.equal(await statusOf({ port }, `good.test:${serverPort}`), 200);
  assert.equal(await statusOf({ port }, `bad.test:${serverPort}`), 502);
  assert.equal(await statusOf({ port }, `127.0.0.1:${serverPort}`), 502);
  assert.equal(await statusOf({ port }, 'good.test:22'), 502);
  assert.equal(server.sockets.length, 1);
});

test('tunnel_allow_upstream sees the address that a name leads to', async (t) => {
  const { server } = await rawServer(t);
  const dns = await DnsServer.start(t);
  dns.setAddresses('inside.test', ['127.0.0.1'], 60);
  const serverPort = server.address.slice(server.address.indexOf(':') + 1);
  const geo = (name: string, network: string): string =>
    `geo $upstream_last_addr $${name} { volatile; ${network} 1; }`;
  const { port, proxy } = await start(
    t,
    `resolver ${dns.address} ipv6=off; tunnel_pass; tunnel_allow_upstream $outside;`,
    geo('outside', '192.0.2.0/24'),
  );
  assert.equal(await statusOf({ port }, `inside.test:${serverPort}`), 403);
  assert.equal(await statusOf({ port }, server.address), 403);
  assert.equal(server.sockets.length, 0);
  assert.match(proxy.errorLog(), /access to the server is not allowed \(tunnel_allow_upstream\)/);
  await eventually('the line', () => proxy.accessLog().includes(`${server.address} 403 `));

  const group = `upstream some { server 127.0.0.9:${serverPort}; server ${server.address}; }`;
  const allowed = geo('local', '127.0.0.1/32');
  for (const [more, status] of [
    ['tunnel_next_upstream denied;', 200],
    ['', 403],
    ['tunnel_next_upstream denied; tunnel_next_upstream_tries 1;', 403],
  ] as const) {
    const one = await start(
      t,
      `tunnel_pass some; tunnel_allow_upstream 1 $local; ${more}`,
      group + allowed,
    );
    assert.equal(await statusOf(one, 'x.test:1'), status, more);
  }
});

test('allow and deny, and auth_basic with the fields of proxies', async (t) => {
  const { server } = await rawServer(t);
  const closed = await start(t, 'tunnel_pass; deny all;');
  assert.equal(await statusOf(closed, server.address), 403);

  const folder = tempFolder(t);
  writeFileSync(path.join(folder, 'users'), 'ann:{PLAIN}secret\n');
  const auth = `auth_basic "proxy"; auth_basic_user_file ${path.join(folder, 'users')};`;
  const { port, proxy } = await start(t, `tunnel_pass; ${auth} location /page { return 200 x; }`);
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}\r\n`;
  const client = await RawConnection.open({ port });
  await client.send(connectLine(server.address));
  const refused = await client.response();
  assert.equal(refused.statusLine, 'HTTP/1.1 407 Proxy Authentication Required');
  const challenge = refused.headers.filter(([name]) => /authenticate/i.test(name));
  assert.deepEqual(challenge, [['Proxy-Authenticate', 'Basic realm="proxy"']]);
  // The same connection serves on.
  await client.send(connectLine(server.address, `Proxy-Authorization: ${basic('ann:secret')}`));
  assert.equal((await client.response('CONNECT')).status, 200);
  client.close();
  server.sockets.at(-1)?.end();
  await eventually('the line', () => proxy.accessLog().includes(' ann\n'));
  const own = `Authorization: ${basic('ann:secret')}`;
  assert.equal(await statusOf({ port }, server.address, own), 407);
  const wrong = `Proxy-Authorization: ${basic('ann:wrong')}`;
  assert.equal(await statusOf({ port }, server.address, wrong), 407);
  // Others than CONNECT are asked as ever.
  assert.equal((await request({ port, path: '/page' })).status, 200);
  const any = await start(
    t,
    `tunnel_pass; satisfy any; deny all; ${auth} auth_delay 50ms; error_page 407 /407;
     location /407 { return 200 "log in"; }`,
  );
  const page = await ask(any, server.address);
  assert.match(page.head, /^HTTP\/1\.1 407 .*\r\nProxy-Authenticate: Basic realm="proxy"\r\n/s);
  page.client.close();
  const right = `Proxy-Authorization: ${basic('ann:secret')}`;
  const granted = await ask(any, server.address, right);
  assert.equal(granted.status, 200);
  assert.doesNotMatch(granted.head, /authenticate/i);
  granted.client.close();
});

// ---- curl

test('curl goes through it, to plain and to TLS servers, and to the proxy over TLS', async (t) => {
  const dns = await DnsServer.start(t);
  dns.setAddresses('a.test', ['127.0.0.1'], 60);
  const page = (): { body: string } => ({ body: 'through' });
  const plain = await RecordingUpstream.start({ answer: page }, t);
  const secure = await RecordingUpstream.start({ answer: page, tls: pki.a.tls }, t);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const folder = tempFolder(t);
  writeFileSync(path.join(folder, 'users'), 'ann:{PLAIN}secret\n');
  await startProxy(
    `http { server {
      listen 127.0.0.1:${port};
      listen 127.0.0.1:${tlsPort} ssl;
      ssl_certificate ${pki.b.certificate};
      ssl_certificate_key ${pki.b.key};
      resolver ${dns.address} ipv6=off;
      auth_basic proxy;
      auth_basic_user_file ${path.join(folder, 'users')};
      tunnel_pass;
    } }`,
    { scope: t },
  );
  const user = ['-U', 'ann:secret'];
  const via = ['-x', `http://127.0.0.1:${port}`, ...user];
  assert.equal(await curl('-p', ...via, `http://${plain.address}/x`), 'through');
  const tlsPortOf = secure.address.slice(secure.address.indexOf(':') + 1);
  const inside = ['--cacert', pki.caFile, `https://a.test:${tlsPortOf}/y`];
  assert.equal(await curl(...via, ...inside), 'through');
  const outside = ['-x', `https://b.test:${tlsPort}`, '--proxy-cacert', pki.caFile, ...user];
  const resolve = ['--resolve', `b.test:${tlsPort}:127.0.0.1`];
  assert.equal(await curl(...outside, ...resolve, ...inside), 'through');
  // What the proxy was told does not go on.
  const told = secure.requests.flatMap(({ headers }) => headers.map(([name]) => name));
  assert.equal(
    told.some((name) => /^proxy-/i.test(name)),
    false,
  );
  await assert.rejects(curl('-x', `http://127.0.0.1:${port}`, ...inside), /407/);
});

// ---- the end

test('quit waits for tunnels, and a reload leaves them alone', async (t) => {
  const { server, peers } = await rawServer(t);
  const { port, proxy } = await start(t, 'tunnel_pass;');
  const { client, peer } = await tunnel({ port }, server.address, peers);
  const echo = async (text: string): Promise<void> => {
    peer.received = Buffer.alloc(0);
    await client.send(text);
    await received(peer, text.length);
    peer.socket.write(text);
    assert.equal((await client.bytes(text.length)).toString(), text);
  };
  const file = path.join(proxy.folder, 'sallyport.conf');
  const text = `error_log error.log; master_process off; events {} http { server { listen 127.0.0.1:${port}; return 404; } }`;
  await proxy.proxy.reload({ file, text, prefix: proxy.folder });
  assert.equal(await statusOf({ port }, server.address), 405);
  await echo('after the reload');
  let over = false;
  const quit = proxy.proxy.quit().then(() => (over = true));
  await eventually('the end of listening', () =>
    RawConnection.open({ port }).then(
      () => false,
      () => true,
    ),
  );
  await echo('while it quits');
  assert.equal(over, false);
  client.end();
  await eventually('the end', () => peer.ended);
  peer.socket.end();
  await quit;
});

test('worker_shutdown_timeout ends tunnels that do not end by themselves', async (t) => {
  const { server, peers } = await rawServer(t);
  const port = await freePort();
  const proxy = await startProxy(
    `worker_shutdown_timeout 200ms; http { server { listen 127.0.0.1:${port}; tunnel_pass; } }`,
    { scope: t },
  );
  const { client, peer } = await tunnel({ port }, server.address, peers);
  await proxy.proxy.quit();
  await client.closed().catch(() => undefined);
  await eventually('the close', () => peer.ended || peer.closed);
});

// ---- the configuration

async function diagnosticsOf(t: TestContext, http: string) {
  const folder = tempFolder(t);
  const file = path.join(folder, 'c.conf');
  return loadConfig({ file, text: `events {} http { ${http} }`, prefix: folder });
}

test('what is wrong with a line is said where it stands', async (t) => {
  for (const [line, message] of [
    ['tunnel_pass 127.0.0.1;', 'no port in upstream "127.0.0.1"'],
    ['tunnel_pass a b;', 'invalid number of arguments in "tunnel_pass" directive'],
    ['tunnel_pass $nothing;', 'unknown "nothing" variable'],
    ['tunnel_next_upstream http_500;', 'invalid value "http_500"'],
    ['tunnel_bind 127.0.0.1 transparent;', '"tunnel_bind" cannot be "transparent" here'],
    ['tunnel_bind nonsense;', 'invalid address "nonsense"'],
    ['tunnel_buffer_size x;', 'tunnel_buffer_size'],
  ] as const) {
    const { ok, diagnostics } = await diagnosticsOf(t, `server { ${line} }`);
    assert.equal(ok, false, line);
    const found = diagnostics.map((one) => one.message).join('\n');
    assert.ok(found.includes(message), `${line}: ${found}`);
  }
  const without =
    'tunnel_socket_rcvbuf 64k; tunnel_socket_sndbuf 64k; tunnel_send_lowat 1k; tunnel_pass 127.0.0.1:1;';
  assert.equal((await diagnosticsOf(t, `server { ${without} }`)).ok, true);
});

test('an open proxy is warned of, until something restricts the target', async (t) => {
  const warnings = async (server: string): Promise<string> => {
    const { ok, diagnostics } = await diagnosticsOf(
      t,
      `map $host $known { a.test 1; } server { ${server} }`,
    );
    assert.equal(ok, true, JSON.stringify(diagnostics));
    return diagnostics.map(({ message }) => message).join('\n');
  };
  assert.match(await warnings('tunnel_pass;'), /this is an open proxy: anybody may connect/);
  assert.match(await warnings('location / { tunnel_pass $http_to:1; }'), /this is an open proxy/);
  const some = await warnings('tunnel_pass; allow 10.0.0.0/8; deny all;');
  assert.match(some, /the clients of this proxy may connect to any host/);
  assert.doesNotMatch(some, /open proxy/);
  for (const restricted of [
    'tunnel_pass 127.0.0.1:1;',
    'tunnel_pass; tunnel_allow_upstream $known;',
    'if ($known = "") { return 403; } tunnel_pass;',
    'location / { if ($known) { tunnel_pass; } }',
    'location / { if ($known = "") { return 403; } tunnel_pass; }',
  ]) {
    assert.doesNotMatch(await warnings(restricted), /any host/, restricted);
  }
});
