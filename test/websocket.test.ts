// Upgraded connections: bytes both ways from the first to the last, half-closed or cut, over plain
// and TLS connections; one line in the access log when all is over; and no upgrade that the
// configuration did not ask for.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSameAsNginx, compareWithNginx, type Site } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { floodBytes, kernelBytes, proxyBytes } from './kit/kernel-buffers.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import type { RawResponse, Target } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const pki = await testPki();
const scope = { after };

// ---- the server: answers 101, then does what the test wants

const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: abc\r\n\r\n';

interface Accepted {
  readonly head: string;
  readonly socket: Socket;
  /** What came behind the head. */
  received: Buffer;
  ended: boolean;
  closed: boolean;
}

let answer: string = switching;
let accepted: Accepted[] = [];

function accept(socket: Socket): void {
  let head = '';
  let one: Accepted | null = null;
  socket.on('data', (chunk: Buffer) => {
    if (one !== null) {
      one.received = Buffer.concat([one.received, chunk]);
      return;
    }
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const received = Buffer.from(head.slice(end + 4), 'latin1');
    one = { head: head.slice(0, end), socket, received, ended: false, closed: false };
    accepted.push(one);
    socket.write(answer, 'latin1');
    if (answer.startsWith('HTTP/1.1 101 ')) return;
    head = '';
    one = null;
  });
  socket.on('end', () => {
    if (one !== null) one.ended = true;
  });
  socket.on('close', () => {
    if (one !== null) one.closed = true;
  });
}

const plain = await startRawServer(accept, { scope });
const secure = await startRawServer(accept, { scope, tls: pki.a.tls });
const [port = 0, tlsPort = 0] = await freePorts(2);
const passUpgrade =
  'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection;';
const running = await startProxy(
  `http {
  log_format upgrades '$request_uri $status';
  access_log access.log upgrades;
  proxy_ssl_name a.test;
  proxy_ssl_trusted_certificate ${pki.caFile};
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location /plain { proxy_pass http://${plain.address}; ${passUpgrade.replace('$connection', 'upgrade')} }
    location /tls { proxy_pass https://${secure.address}; ${passUpgrade.replace('$connection', '"Upgrade"')} }
    location /short {
      proxy_pass http://${plain.address};
      proxy_read_timeout 200ms;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
    location /deaf { proxy_pass http://${plain.address}; }
    location /impatient {
      proxy_pass http://${plain.address};
      proxy_send_timeout 300ms;
      send_timeout 300ms;
      ${passUpgrade.replace('$connection', 'upgrade')}
    }
    location /streamed {
      proxy_pass http://${plain.address};
      proxy_request_buffering off;
      ${passUpgrade.replace('$connection', 'upgrade')}
    }
  }
}`,
  { scope },
);

beforeEach(() => {
  answer = switching;
  accepted = [];
});

let number = 0;

interface Upgraded {
  readonly client: RawConnection;
  readonly response: RawResponse;
  readonly server: Accepted;
  /** The request target: no other test uses it. */
  readonly target: string;
}

function upgradeRequest(target: string, more = ''): string {
  return (
    `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n` +
    `Upgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n${more}`
  );
}

async function upgrade(where: Target, path: string, more = ''): Promise<Upgraded> {
  number += 1;
  const target = `${path}?${number}`;
  const client = await RawConnection.open(where);
  await client.send(upgradeRequest(target, more));
  const response = await client.response();
  const server = await eventually('the connection', () => accepted.at(-1));
  return { client, response, server, target };
}

const logLines = (target: string): string[] =>
  running
    .accessLog()
    .split('\n')
    .filter((line) => line.startsWith(`${target} `));

/** The one line of a connection that is over. */
async function loggedOnce(target: string): Promise<void> {
  await eventually('the line', () => logLines(target).length > 0);
  await sleep(150);
  assert.deepEqual(logLines(target), [`${target} 101`]);
}

const received = (server: Accepted, length: number): Promise<boolean> =>
  eventually(`${length} bytes at the server`, () => server.received.length >= length);

const doors: readonly { name: string; where: Target }[] = [
  { name: 'plain', where: { port } },
  { name: 'TLS', where: { port: tlsPort, tls: { ca: pki.ca, servername: 'b.test' } } },
];

for (const { name, where } of doors) {
  for (const hop of ['/plain', '/tls']) {
    const way = `${name} → ${hop.slice(1)}`;

    test(`bytes pass both ways, and the log has one line at the end: ${way}`, async () => {
      const { client, response, server, target } = await upgrade(where, hop);
      assert.equal(response.status, 101);
      const field = (wanted: string): string | undefined =>
        response.headers.find(([one]) => one.toLowerCase() === wanted)?.[1];
      assert.equal(field('connection'), 'upgrade');
      assert.equal(field('upgrade'), 'websocket');
      assert.equal(field('sec-websocket-accept'), 'abc');
      assert.equal(field('transfer-encoding'), undefined);
      assert.equal(field('content-length'), undefined);
      assert.match(server.head, /\r\nUpgrade: websocket(\r\n|$)/);
      assert.match(server.head, /\r\nConnection: upgrade(\r\n|$)/i);
      for (let i = 0; i < 5; i += 1) {
        await client.send(`ping${i}`);
        await received(server, 5 * (i + 1));
        server.socket.write(`pong${i}`);
        assert.equal((await client.bytes(5)).toString(), `pong${i}`);
      }
      assert.deepEqual(logLines(target), []);
      client.end();
      await eventually('the end', () => server.ended);
      server.socket.end();
      await client.closed();
      await eventually('the close', () => server.closed);
      await loggedOnce(target);
    });

    test(`bytes that come early, with the request and with the 101, are not lost: ${way}`, async () => {
      answer = `${switching}hello`;
      const { client, server } = await upgrade(where, hop, 'early');
      assert.equal((await client.bytes(5)).toString(), 'hello');
      await received(server, 5);
      assert.equal(server.received.toString(), 'early');
      client.close();
    });

    test(`each side may end first and still listen: ${way}`, async () => {
      const first = await upgrade(where, hop);
      first.client.end();
      await eventually('the end', () => first.server.ended);
      first.server.socket.write('still ');
      await sleep(20);
      first.server.socket.end('here');
      assert.equal((await first.client.closed()).toString(), 'still here');

      const second = await upgrade(where, hop);
      second.client.socket.allowHalfOpen = true;
      second.server.socket.end('bye');
      await second.client.received.until('the end', (_, ended) => (ended ? true : null));
      await second.client.send('one more');
      await received(second.server, 8);
      assert.equal(second.server.received.toString(), 'one more');
      second.client.end();
      await eventually('the close', () => second.server.closed);
      await loggedOnce(second.target);
    });

    test(`a megabyte each way at once arrives exactly: ${way}`, async () => {
      const { client, server } = await upgrade(where, hop);
      const [up, down] = [randomBytes(1_000_000), randomBytes(1_000_000)];
      server.socket.write(down);
      await client.send(up);
      assert.ok((await client.bytes(down.length)).equals(down));
      await received(server, up.length);
      assert.ok(server.received.equals(up));
      client.close();
    });

    test(`when one side is cut, the other is closed: ${way}`, async () => {
      const first = await upgrade(where, hop);
      // A reset; over TLS, which has none, the end without close_notify.
      if (where.tls === undefined) first.client.reset();
      else first.client.close();
      await eventually('the end', () => first.server.ended);
      first.server.socket.end('too late');
      await eventually('the close', () => first.server.closed);
      await loggedOnce(first.target);

      const second = await upgrade(where, hop);
      second.server.socket.write('last words');
      await second.client.bytes(10);
      if (hop === '/tls') second.server.socket.destroy();
      else second.server.socket.resetAndDestroy();
      await second.client.closed().catch(() => undefined);
      await loggedOnce(second.target);
    });
  }
}

test('what a server sent before it left arrives, however slow the client', async () => {
  const { client, server } = await upgrade({ port, limitMs: 10_000 }, '/plain');
  const bytes = randomBytes(8_000_000);
  client.socket.pause();
  client.end();
  await eventually('the end', () => server.ended);
  server.socket.end(bytes);
  await sleep(300);
  client.socket.resume();
  assert.ok((await client.closed()).equals(bytes));
});

test('a side that does not read holds the other back', async () => {
  const { client, server } = await upgrade({ port }, '/plain');
  const piece = Buffer.alloc(100_000);
  let sent = 0;
  let stop = false;
  const pump = (): void => {
    if (stop) return;
    server.socket.write(piece, () => {
      sent += piece.length;
      pump();
    });
  };
  client.socket.pause();
  pump();
  for (let last = -1; last !== sent;) {
    last = sent;
    await sleep(150);
  }
  assert.ok(sent < kernelBytes + proxyBytes, `${sent} bytes were taken`);
  stop = true;
  client.socket.resume();
  await eventually('the rest', () => server.socket.writableLength === 0);
  client.close();
});

test('silence ends it after proxy_read_timeout, and bytes either way keep it', async () => {
  const { client, server, target } = await upgrade({ port }, '/short');
  for (let i = 0; i < 5; i += 1) {
    await sleep(100);
    if (i % 2 === 0) await client.send('x');
    else server.socket.write('y');
  }
  assert.equal(server.closed, false);
  await client.closed();
  await eventually('the close', () => server.closed || server.ended);
  await loggedOnce(target);
});

for (const slow of ['server', 'client'] as const) {
  test(`a ${slow} that takes nothing of what is sent to it is given up`, async () => {
    const { client, server, target } = await upgrade({ port, limitMs: 10_000 }, '/impatient');
    const [stuck, sender] =
      slow === 'server' ? [server.socket, client.socket] : [client.socket, server.socket];
    stuck.pause();
    sender.on('error', () => undefined);
    sender.write(Buffer.alloc(floodBytes));
    await eventually('the line', () => logLines(target).length > 0, 10_000);
    await eventually('its reason', () =>
      running.errorLog().includes(`timed out: ${slow === 'server' ? 'upstream' : 'client'} takes`),
    );
    client.close();
    server.socket.destroy();
  });
}

test('a slow reader is not one that takes nothing', async () => {
  const { client, server, target } = await upgrade({ port, limitMs: 20_000 }, '/impatient');
  const bytes = Buffer.alloc(floodBytes, 'x');
  const sent = server.socket.write(bytes);
  assert.equal(sent, false);
  let count = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => {
    count += chunk.length;
    if (count >= bytes.length) return;
    client.socket.pause();
    setTimeout(() => client.socket.resume(), 1);
  });
  await eventually(
    'all of it',
    () => count === bytes.length || logLines(target).length > 0,
    20_000,
  );
  assert.equal(count, bytes.length);
  client.close();
});

test('a 101 before the whole body has been sent is refused', async () => {
  const client = await RawConnection.open({ port });
  await client.send(
    'POST /streamed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Content-Length: 10\r\n\r\nhalf',
  );
  assert.equal((await client.response()).status, 502);
  client.close();
  await eventually('the reason', () => running.errorLog().includes('before it had the whole'));
});

test('any protocol that the configuration lets through is one, and its body goes first', async () => {
  answer = switching.replace('websocket', 'my-protocol/2');
  const client = await RawConnection.open({ port });
  await client.send(
    'POST /plain HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: my-protocol/2, other\r\n' +
      'Content-Length: 4\r\n\r\nbodyafter',
  );
  const response = await client.response();
  assert.equal(response.status, 101);
  assert.ok(response.headers.some(([name, value]) => name === 'Upgrade' && /^my-/.test(value)));
  const server = await eventually('the connection', () => accepted.at(-1));
  assert.match(server.head, /\r\nUpgrade: my-protocol\/2, other\r\n/);
  await received(server, 9);
  assert.equal(server.received.toString(), 'bodyafter');
  client.close();
});

test('the heads of an upgrade are those of nginx', { skip: !nginxAvailable }, async (t) => {
  const raw =
    'HTTP/1.1 101 Switching Protocols\r\nServer: inside\r\nConnection: upgrade\r\n' +
    'Upgrade: chat\r\nSec-WebSocket-Protocol: a\r\nSet-Cookie: b=c\r\nX-Own: 1\r\n\r\n';
  const config = ({ port: own, upstreams }: Site<'upstream'>): string => `
    events {}
    http {
      map $http_upgrade $asked { default upgrade; '' close; }
      server {
        listen 127.0.0.1:${own};
        proxy_http_version 1.1;
        location / {
          proxy_pass http://${upstreams.upstream};
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection $asked;
          add_header X-Added 1;
          add_header X-Always 1 always;
        }
      }
    }`;
  const headers = { Connection: 'Upgrade', Upgrade: 'chat', 'Sec-WebSocket-Key': 'abc' };
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config,
    scope: t,
    upstreams: {
      upstream: { answer: ({ target }) => (target.endsWith('raw') ? { raw } : { body: 'no' }) },
    },
    requests: [
      { path: '/raw', headers },
      { path: '/other', headers, name: 'a server that does not switch' },
      { path: '/other', name: 'a request without Upgrade' },
      {
        path: '/raw',
        headers: { ...headers, Connection: 'keep-alive' },
        name: 'an Upgrade that Connection does not name',
        differs: 'it is none (RFC 9110, 7.8)',
      },
    ],
  });
  assertSameAsNginx(pairs);
});

test('another answer than 101 is an answer like any other', async () => {
  answer = 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno';
  const { client, response } = await upgrade({ port }, '/plain');
  assert.equal(response.status, 403);
  assert.equal(response.body.toString(), 'no');
  // The connection serves on, and an upgrade is still possible.
  answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  assert.equal((await client.request({ path: '/deaf' })).status, 200);
  client.close();
});

test('without proxy_set_header Upgrade a request is no upgrade, and a 101 is refused', async () => {
  const { client, response, server } = await upgrade({ port }, '/deaf');
  assert.equal(response.status, 502);
  assert.doesNotMatch(server.head, /\r\nUpgrade:/i);
  client.close();
});

test('a request that asks for no upgrade gets none', async () => {
  const client = await RawConnection.open({ port });
  assert.equal((await client.request({ path: '/plain' })).status, 502);
  // HTTP/1.0 has none (RFC 9110, 7.8).
  const headers = { Connection: 'upgrade', Upgrade: 'websocket' };
  const old = await client.request({ path: '/plain', version: '1.0', headers });
  assert.equal(old.status, 502);
  client.close();
});

test('an upgrade to cleartext HTTP/2 goes nowhere', async () => {
  answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const client = await RawConnection.open({ port });
  const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AA' };
  assert.equal((await client.request({ path: '/plain', headers })).status, 200);
  assert.doesNotMatch(accepted.at(-1)?.head ?? '', /h2c|http2-settings/i);
  client.close();
});
