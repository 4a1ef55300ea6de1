// Clients that are slow on purpose, at every stage of a connection: the directive that bounds the
// stage ends them, the log says which, and meanwhile others are served on the same port.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../kit/eventually.ts';
import { floodBytes } from '../kit/kernel-buffers.ts';
import { testPki } from '../kit/pki.ts';
import { freePorts } from '../kit/ports.ts';
import { RawConnection, request, type RawResponse, type Target } from '../kit/raw-client.ts';
import { RecordingUpstream } from '../kit/recording-upstream.ts';
import { startProxy } from '../kit/sallyport.ts';
import { tryRequest } from './kit/busy-client.ts';
import { proved } from './kit/proved.ts';

const scope = { after };
const [plain = 0, secure = 0, proxied = 0] = await freePorts(3);
const pki = await testPki();
const upstream = await RecordingUpstream.start({}, scope);
const running = await startProxy(
  `http {
    client_header_timeout 400ms;
    client_body_timeout 400ms;
    send_timeout 400ms;
    keepalive_timeout 400ms;
    lingering_time 800ms; lingering_timeout 400ms;
    client_max_body_size 0;
    proxy_http_version 1.1;
    access_log access.log;
    map $http_upgrade $upgrading { default ""; websocket upgrade; }
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $upgrading;
    server {
      listen 127.0.0.1:${plain};
      listen 127.0.0.1:${secure} ssl;
      listen 127.0.0.1:${proxied} proxy_protocol;
      ssl_certificate ${pki.a.certificate};
      ssl_certificate_key ${pki.a.key};
      location /own { return 200 own; }
      location / { proxy_pass http://${upstream.address}; }
      location /streamed { proxy_request_buffering off; proxy_pass http://${upstream.address}; }
      location /unbuffered { proxy_buffering off; proxy_pass http://${upstream.address}; }
      location /refused { return 403; }
      location /socket { proxy_read_timeout 800ms; proxy_pass http://${upstream.address}; }
    }
  }`,
  { scope },
);

const polite: Readonly<Record<number, () => Promise<RawResponse | null>>> = {
  [plain]: () => tryRequest({ port: plain }, '/own'),
  [secure]: () => tryRequest({ port: secure, tls: { ca: pki.ca, servername: 'a.test' } }, '/own'),
  [proxied]: async () => {
    const client = await RawConnection.open({ port: proxied });
    await client.send('PROXY UNKNOWN\r\nGET /own HTTP/1.1\r\nHost: a\r\n\r\n');
    const answer = await client.response();
    client.close();
    return answer;
  },
};

/** One way of being slow. */
interface Row {
  readonly name: string;
  /** What bounds it. */
  readonly by: string;
  readonly port: number;
  /** With TLS until the handshake is done. */
  readonly tls?: true;
  /** Sent at the beginning. */
  readonly first: string;
  /** Sent again and again after it, until the connection is closed. */
  readonly drip?: string;
  /** The client reads nothing. */
  readonly deaf?: true;
  /** What the client has got at the end. */
  readonly gets: RegExp;
  /** In the error log; default: nothing is asked for. */
  readonly says?: RegExp;
  /** In the access log, at the end of its line. */
  readonly logs?: RegExp;
}

const nothing = /^$/;
const post = 'HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n';
const chunked = 'HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const upgrade = 'HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const head = 'client_header_timeout';
const body = 'client_body_timeout';

const rows: readonly Row[] = [
  { name: 'nothing is sent', by: head, port: plain, first: '', gets: nothing },
  { name: 'one byte is sent', by: head, port: plain, first: 'G', gets: nothing, logs: / 408 / },
  {
    name: 'a head stops',
    by: head,
    port: plain,
    first: 'GET /stops HTTP/1.1\r\nHost: a\r\n',
    gets: nothing,
    logs: / 408 /,
  },
  {
    name: 'a head drips',
    by: head,
    port: plain,
    first: 'GET /drips HTTP/1.1\r\nHost: a\r\nX: ',
    drip: 'x',
    gets: nothing,
    logs: / 408 /,
  },
  {
    name: 'field lines drip',
    by: head,
    port: plain,
    first: 'GET /lines HTTP/1.1\r\nHost: a\r\n',
    drip: 'X: y\r\n',
    gets: nothing,
    logs: / 408 /,
  },
  {
    name: 'empty lines drip',
    by: head,
    port: plain,
    first: '\r\n',
    drip: '\r\n',
    gets: /^(HTTP\/1\.1 400 [\s\S]*)?$/,
  },
  {
    name: 'a head stops within TLS',
    by: head,
    port: secure,
    tls: true,
    first: 'GET / HTTP/1.1\r\n',
    gets: nothing,
    logs: / 408 /,
  },
  {
    name: 'no ClientHello comes',
    by: head,
    port: secure,
    first: '',
    gets: nothing,
    says: /client timed out in the TLS handshake/,
  },
  {
    name: 'a ClientHello stops',
    by: head,
    port: secure,
    first: '\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03',
    gets: nothing,
    says: /client timed out in the TLS handshake/,
  },
  {
    name: 'a ClientHello drips',
    by: head,
    port: secure,
    first: '\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03',
    drip: '\x01',
    gets: nothing,
    says: /client timed out in the TLS handshake/,
  },
  {
    name: 'a PROXY header stops',
    by: head,
    port: proxied,
    first: 'PROXY TCP4 192.0.2.1 ',
    gets: nothing,
    says: /client timed out .*while reading PROXY protocol/,
  },
  {
    name: 'a PROXY header drips',
    by: head,
    port: proxied,
    first: '\r\n\r\n\0\r\nQUIT\n\x21\x11\x04\x00',
    drip: '\0',
    gets: nothing,
    says: /client timed out .*while reading PROXY protocol/,
  },
  {
    name: 'a PROXY header is all that comes',
    by: head,
    port: proxied,
    first: 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
    gets: nothing,
  },
  {
    name: 'a body does not begin',
    by: body,
    port: plain,
    first: `POST / ${post}`,
    gets: /^HTTP\/1\.1 408 /,
    says: /client_body_timeout/,
  },
  {
    name: 'a body stops',
    by: body,
    port: plain,
    first: `POST / ${post}12345`,
    gets: /^HTTP\/1\.1 408 /,
    says: /client_body_timeout/,
  },
  {
    name: 'a body that is streamed stops',
    by: body,
    port: plain,
    first: `POST /streamed ${post}12345`,
    gets: /^HTTP\/1\.1 408 /,
    says: /client_body_timeout/,
  },
  {
    name: 'a body stops in a chunk',
    by: body,
    port: plain,
    first: `POST / ${chunked}a\r\n12345`,
    gets: /^HTTP\/1\.1 408 /,
    says: /client_body_timeout/,
  },
  {
    name: 'a body stops in the size of a chunk',
    by: body,
    port: plain,
    first: `POST / ${chunked}1\r\nx\r\n0`,
    gets: /^HTTP\/1\.1 408 /,
    says: /client_body_timeout/,
  },
  {
    name: 'trailers stop',
    by: body,
    port: plain,
    first: `POST / ${chunked}1\r\nx\r\n0\r\nX: y`,
    gets: /^HTTP\/1\.1 408 /,
    says: /client_body_timeout/,
  },
  {
    name: 'trailers drip',
    by: 'the most bytes of a trailer section',
    port: plain,
    first: `POST / ${chunked}1\r\nx\r\n0\r\nX: `,
    drip: 'y'.repeat(512),
    gets: /^HTTP\/1\.1 400 /,
    says: /invalid chunked body/,
  },
  {
    name: 'nobody reads an answer',
    by: 'send_timeout',
    port: plain,
    first: 'GET /flood HTTP/1.1\r\nHost: a\r\n\r\n',
    deaf: true,
    gets: /^HTTP\/1\.1 200 /,
    says: /send_timeout/,
  },
  {
    name: 'nobody reads an answer that is not buffered',
    by: 'send_timeout',
    port: plain,
    first: 'GET /unbuffered/flood HTTP/1.1\r\nHost: a\r\n\r\n',
    deaf: true,
    gets: /^HTTP\/1\.1 200 /,
    says: /send_timeout/,
  },
  {
    name: 'nobody reads an answer within TLS',
    by: 'send_timeout',
    port: secure,
    tls: true,
    first: 'GET /flood HTTP/1.1\r\nHost: a\r\n\r\n',
    deaf: true,
    gets: /^HTTP\/1\.1 200 /,
    says: /send_timeout/,
  },
  {
    name: 'no second request comes',
    by: 'keepalive_timeout',
    port: plain,
    first: 'GET /own HTTP/1.1\r\nHost: a\r\n\r\n',
    gets: /^HTTP\/1\.1 200 [\s\S]*own$/,
  },
  {
    name: 'a second head stops',
    by: head,
    port: plain,
    first: 'GET /own HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n',
    gets: /^HTTP\/1\.1 200 [\s\S]*own$/,
    logs: / 408 /,
  },
  {
    name: 'a body that nobody wants drips on',
    by: 'lingering_time',
    port: plain,
    first: `POST /refused ${chunked}`,
    drip: '1\r\nx\r\n',
    gets: /^HTTP\/1\.1 403 /,
  },
  {
    name: 'after a refused head more drips',
    by: 'lingering_time',
    port: plain,
    first: 'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
    drip: 'x',
    gets: /^HTTP\/1\.1 400 /,
  },
  {
    name: 'a WebSocket is silent',
    by: 'proxy_read_timeout',
    port: plain,
    first: `GET /socket ${upgrade}`,
    gets: /^HTTP\/1\.1 101 /,
  },
];

upstream.answer = (received, socket) => {
  if (received.target === '/socket') {
    socket.removeAllListeners('data');
    socket.resume();
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n');
    socket.write('Upgrade: websocket\r\n\r\n');
    return undefined;
  }
  return { body: received.target.endsWith('/flood') ? Buffer.alloc(floodBytes) : 'upstream' };
};

/** Is slow until the proxy ends it; gives the beginning of what came. */
async function beSlow(row: Row): Promise<string> {
  const target: Target = { port: row.port, limitMs: 20_000 };
  const tls = { ca: pki.ca, servername: 'a.test' };
  const said = running.errorLog().length;
  const client = await RawConnection.open(row.tls === true ? { ...target, tls } : target);
  try {
    let gone = false;
    client.socket.on('close', () => (gone = true));
    client.socket.on('end', () => (gone = true));
    if (row.deaf === true) client.socket.pause();
    if (row.first !== '') await client.send(row.first);
    await eventually('others are served', async () => {
      return (await polite[row.port]?.().catch(() => null))?.status === 200;
    });
    while (row.drip !== undefined && !gone) {
      await client.send(row.drip).catch(() => (gone = true));
      await sleep(5);
    }
    if (row.deaf === true) {
      await eventually('the word', () => row.says?.test(running.errorLog().slice(said)), 20_000);
      client.socket.resume();
    }
    const bytes = await client.closed().catch(() => client.received.rest);
    assert.ok(bytes.length < floodBytes);
    return bytes.subarray(0, 512).toString('latin1');
  } finally {
    client.close();
  }
}

for (const row of rows) {
  test(`${row.name}: ${row.by} ends it`, { timeout: 60_000 }, async () => {
    const said = running.errorLog().length;
    const logged = running.accessLog().length;
    assert.match(await beSlow(row), row.gets);
    const { says, logs } = row;
    if (says !== undefined) {
      await eventually('the error log', () => says.test(running.errorLog().slice(said)));
    }
    if (logs !== undefined) {
      await eventually('the access log', () => logs.test(running.accessLog().slice(logged)));
    }
    proved();
  });
}

test('after all that the proxy serves', async () => {
  assert.equal((await request({ port: plain, path: '/own' })).status, 200);
  assert.doesNotMatch(running.errorLog(), /INTERNAL|\[crit\]|\[emerg\]/);
});
