// Where requests end and a tunnel begins (101, or 200 to CONNECT): what was sent early waits for the
// answer that says what it is; what looks like requests or answers within a tunnel is neither; and a
// connection to a server that has been a tunnel is nothing else afterwards. From clients with and
// without TLS.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { after, beforeEach, test } from 'node:test';
import { eventually } from '../kit/eventually.ts';
import { testPki } from '../kit/pki.ts';
import { freePorts } from '../kit/ports.ts';
import { RawConnection } from '../kit/raw-client.ts';
import type { Target } from '../kit/raw-client.ts';
import { startRawServer } from '../kit/raw-server.ts';
import { startProxy } from '../kit/sallyport.ts';
import { statusesIn, transports } from './kit/delivery.ts';
import type { Transport } from './kit/delivery.ts';
import { proved } from './kit/proved.ts';
import { smuggled } from './kit/request-form.ts';

const scope = { after };
const pki = await testPki();

/** A connection as the server sees it. */
interface Peer {
  readonly socket: Socket;
  bytes: string;
  ended: boolean;
  closed: boolean;
}

let peers: Peer[] = [];
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Answers requests for /ok by itself, and writes down what comes. */
function accept(socket: Socket): void {
  const peer: Peer = { socket, bytes: '', ended: false, closed: false };
  peers.push(peer);
  socket.on('data', (chunk: Buffer) => {
    peer.bytes += chunk.toString('latin1');
    if (/GET \/ok HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(peer.bytes)) socket.write(ok);
  });
  socket.on('end', () => (peer.ended = true));
  socket.on('close', () => (peer.closed = true));
}

const server = await startRawServer(accept, { scope });
const [port = 0, tlsPort = 0] = await freePorts(2);
const running = await startProxy(
  `http {
  access_log access.log combined;
  upstream backend { server ${server.address}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $http_connection;
    location = / { tunnel_pass backend; }
    location /ok { proxy_pass http://backend; proxy_set_header Connection ""; }
    location /up { proxy_pass http://backend; proxy_set_header Connection upgrade; proxy_set_header Upgrade $http_upgrade; }
    location /secret { deny all; }
  }
}`,
  { scope },
);

const targets: Readonly<Record<Transport, Target>> = {
  plain: { port, limitMs: 15_000 },
  TLS: { port: tlsPort, limitMs: 15_000, tls: { ca: pki.ca, servername: 'b.test' } },
};

const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

/** A way to get a tunnel. */
interface Way {
  readonly name: string;
  readonly request: string;
  /** What the server must say first, if anything. */
  readonly switching: string;
  /** What the client hears before the first byte of the tunnel. */
  readonly status: number;
}

const ways: readonly Way[] = [
  {
    name: 'Upgrade',
    request: 'GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    switching,
    status: 101,
  },
  {
    name: 'CONNECT',
    request: 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n',
    switching: '',
    status: 200,
  },
];

beforeEach(async () => {
  // The pool of the test before is not that of the next.
  for (const { socket } of peers) socket.destroy();
  await eventually('the end of all', () => peers.every(({ closed }) => closed));
  peers = [];
});

const gotten = (peer: Peer, what: string): Promise<boolean> =>
  eventually(`"${what.slice(0, 20)}" at the server`, () => peer.bytes.endsWith(what), 15_000);

/** The only connection whose request it is, once the request is there. */
function peerOf(way: Way, known = 0): Promise<Peer> {
  return eventually('the connection', () => {
    const found = peers[known];
    if (found === undefined) return null;
    return way.switching === '' || found.bytes.includes('\r\n\r\n') ? found : null;
  });
}

interface Pair {
  readonly client: RawConnection;
  readonly peer: Peer;
}

async function open(way: Way, transport: Transport): Promise<Pair> {
  const known = peers.length;
  const client = await RawConnection.open(targets[transport]);
  await client.send(way.request);
  const peer = await peerOf(way, known);
  peer.socket.write(way.switching);
  assert.equal((await client.response('CONNECT')).status, way.status);
  peer.bytes = '';
  return { client, peer };
}

/** Both sides end. */
async function end({ client, peer }: Pair): Promise<void> {
  client.end();
  peer.socket.end();
  await client.closed();
  await eventually('the close', () => peer.closed);
}

const linesOf = (text: string): number => running.accessLog().split(text).length - 1;

for (const way of ways) {
  for (const transport of transports) {
    const how = `${way.name} over ${transport}`;

    test(`early bytes arrive behind the switch, to the byte, both ways: ${how}`, async () => {
      const lines = linesOf('smuggled');
      // More than one read, and the first of it in the segment of the request.
      const early = smuggled.repeat(2000);
      const client = await RawConnection.open(targets[transport]);
      const sent = client.send(way.request + early);
      const peer = await peerOf(way);
      if (way.switching !== '') {
        // Until the server switches they may be requests, which are not its to see.
        assert.ok(!peer.bytes.includes('smuggled'));
        peer.bytes = '';
      }
      const answer = ok.repeat(3) + switching;
      peer.socket.write(way.switching + answer, 'latin1');
      assert.equal((await client.response('CONNECT')).status, way.status);
      assert.equal((await client.bytes(answer.length)).toString('latin1'), answer);
      await sent;
      await eventually('all', () => peer.bytes.length >= early.length, 15_000);
      assert.equal(peer.bytes, early);
      await end({ client, peer });
      assert.equal(peers.length, 1);
      assert.equal(linesOf('smuggled'), lines);
      proved();
    });

    test(`nothing in a tunnel is a request or an answer: ${how}`, async () => {
      const pair = await open(way, transport);
      const { client, peer } = pair;
      const requests = smuggled + way.request + 'GET /secret HTTP/1.1\r\nHost: x\r\n\r\n';
      const noise = randomBytes(100_000).toString('latin1');
      for (const text of [requests, '\r\n', noise, 'GET / HTTP/9.9\r\nX : y\r\n\r\n']) {
        peer.bytes = '';
        await client.send(text);
        await eventually('all', () => peer.bytes.length >= text.length, 15_000);
        assert.equal(peer.bytes, text);
        peer.socket.write(text, 'latin1');
        assert.equal((await client.bytes(text.length)).toString('latin1'), text);
      }
      await end(pair);
      assert.equal(peers.length, 1);
      proved();
    });

    test(`what looks like a request behind an end is none: ${how}`, async () => {
      const first = await open(way, transport);
      first.client.socket.allowHalfOpen = true;
      first.peer.socket.end(switching);
      await first.client.received.until('the end', (_, ended) => (ended ? true : null));
      await first.client.send(smuggled);
      await gotten(first.peer, smuggled);
      assert.equal(first.peer.bytes, smuggled);
      first.client.end();
      await eventually('the close', () => first.peer.closed);

      const second = await open(way, transport);
      second.client.socket.end(smuggled);
      await eventually('the end', () => second.peer.ended);
      assert.equal(second.peer.bytes, smuggled);
      second.peer.socket.end(ok);
      assert.equal((await second.client.closed()).toString('latin1'), ok);
      assert.equal(peers.length, 2);
      proved(2);
    });

    test(`a connection that was a tunnel serves no request: ${how}`, async () => {
      const ends: readonly ((pair: Pair) => Promise<void> | void)[] = [
        end,
        ({ client }) => client.close(),
        ({ peer }) => void peer.socket.end(ok),
        ({ peer }) => void peer.socket.resetAndDestroy(),
      ];
      for (const one of ends) {
        // One in the pool, which a tunnel may begin on where the server is to switch.
        const other = await RawConnection.open(targets[transport]);
        assert.equal((await other.request({ path: '/ok' })).status, 200);
        const before = peers.map(({ bytes }) => bytes);
        const client = await RawConnection.open(targets[transport]);
        await client.send(`${way.request}tunnel`);
        const [peer] = await eventually('the tunnel', () => {
          const changed = peers.filter(({ bytes }, i) => bytes !== (before[i] ?? ''));
          return changed.length === 1 ? changed : null;
        });
        assert.ok(peer !== undefined);
        // To CONNECT it must be a new one: on a used one it would be part of HTTP.
        if (way.switching === '')
          assert.ok(peer.bytes.startsWith('tunnel'.slice(0, peer.bytes.length)));
        peer.socket.write(way.switching);
        assert.equal((await client.response('CONNECT')).status, way.status);
        await gotten(peer, 'tunnel');
        const bytes = peer.bytes;
        await one({ client, peer });
        for (let i = 0; i < 3; i += 1) {
          assert.equal((await other.request({ path: '/ok' })).status, 200);
        }
        assert.equal(peer.bytes, bytes);
        client.close();
        other.close();
        await eventually('the close', () => peer.closed || peer.ended);
      }
      proved(ends.length);
    });
  }
}

for (const transport of transports) {
  test(`where the server declines, what follows is the next request: ${transport}`, async () => {
    const [upgrade] = ways;
    assert.ok(upgrade !== undefined);
    const secret = 'GET /secret HTTP/1.1\r\nHost: x\r\n\r\n';
    const frame = '\x81\x85\0\0\0\0hello';
    const cases: readonly [string, string, readonly number[]][] = [
      ['200 OK', `${secret}${frame}${smuggled}`, [200, 403, 400]],
      ['403 Forbidden', `${secret}${frame}${smuggled}`, [403, 403, 400]],
      ['426 Upgrade Required', secret + frame, [426, 403, 400]],
      ['426 Upgrade Required', frame + smuggled, [426, 400]],
    ];
    for (const [status, early, statuses] of cases) {
      const known = peers.length;
      const client = await RawConnection.open(targets[transport]);
      await client.send(upgrade.request + early);
      const peer = await peerOf(upgrade, known);
      const { bytes } = peer;
      peer.socket.end(
        `HTTP/1.1 ${status}\r\nConnection: close\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno`,
      );
      assert.deepEqual(statusesIn((await client.closed()).toString('latin1')), statuses);
      assert.equal(peer.bytes, bytes);
      assert.equal(peers.length, known + 1);
    }
    proved(cases.length);
  });
}
