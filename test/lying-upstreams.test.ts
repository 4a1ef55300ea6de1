// Upstream servers that break the protocol, by accident or on purpose. A head that can be read in
// two ways is 502; a body that ends wrongly is cut so that the client can see it; nothing of what
// one server did reaches the next request, and the proxy lives.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection, formatRequest, request } from './kit/raw-client.ts';
import type { RequestOptions } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { startProxy } from './kit/sallyport.ts';

const pki = await testPki();
const scope = { after };

/** What the server does when a request has come. */
type Lie = (socket: Socket) => void | Promise<void>;

let lie: Lie = () => undefined;

const upstream = await startRawServer(
  (socket) => {
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes('GET /good ')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood');
      } else if (chunk.includes('HTTP/1.')) {
        void lie(socket);
      }
    });
  },
  { scope },
);

const [port = 0, tlsPort = 0] = await freePorts(2);
const running = await startProxy(
  `http {
  proxy_read_timeout 200ms;
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${pki.a.certificate};
    ssl_certificate_key ${pki.a.key};
    location / { proxy_pass http://${upstream.address}; }
    location /small { proxy_pass http://${upstream.address}; proxy_buffer_size 1k; }
    location /unbuffered { proxy_pass http://${upstream.address}; proxy_buffering off; }
    location /upgrade {
      proxy_pass http://${upstream.address};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
    location /deaf { proxy_pass http://${upstream.address}; }
  }
}`,
  { scope },
);

let logged = 0;

/** Waits for a line with the code that was not there before. */
async function newLine(code: string): Promise<void> {
  await eventually(`a line with ${code}`, () => running.errorLog().indexOf(code, logged) >= 0);
  logged = running.errorLog().length;
}

async function stillWorks(): Promise<void> {
  const answer = await request({ port, path: '/good' });
  assert.equal(answer.body.toString(), 'good');
}

const says =
  (bytes: string): Lie =>
  (socket) => {
    socket.write(Buffer.from(bytes, 'latin1'));
  };

// ---- heads

interface Head {
  readonly name: string;
  readonly lie: Lie;
  readonly request?: RequestOptions;
  readonly status?: number;
  readonly code?: string;
}

const ok = (fields: string): Lie => says(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\nok`);

const heads: readonly Head[] = [
  { name: 'no HTTP at all', lie: says('SSH-2.0-OpenSSH_9.2\r\n') },
  { name: 'another protocol', lie: says('ICY 200 OK\r\n\r\n') },
  { name: 'HTTP/2', lie: says('HTTP/2.0 200 OK\r\n\r\n') },
  { name: 'HTTP/1.2', lie: says('HTTP/1.2 200 OK\r\n\r\n') },
  { name: 'a status of letters', lie: says('HTTP/1.1 abc OK\r\n\r\n') },
  { name: 'a status of two digits', lie: says('HTTP/1.1 20 OK\r\n\r\n') },
  { name: 'a status of four digits', lie: says('HTTP/1.1 2000 OK\r\n\r\n') },
  { name: 'a status below 100', lie: says('HTTP/1.1 099 OK\r\n\r\n') },
  { name: 'two spaces before the status', lie: says('HTTP/1.1  200 OK\r\n\r\n') },
  { name: 'NUL in the reason', lie: says('HTTP/1.1 200 O\0K\r\n\r\n') },
  { name: 'bare LF everywhere', lie: says('HTTP/1.1 200 OK\nContent-Length: 2\n\nok') },
  { name: 'bare LF in a field', lie: ok('Content-Length: 2\r\nX: a\nSet-Cookie: evil=1') },
  { name: 'bare CR in a field', lie: ok('Content-Length: 2\r\nX: a\rSet-Cookie: evil=1') },
  { name: 'NUL in a field', lie: ok('Content-Length: 2\r\nX: a\0b') },
  { name: 'a control character in a field', lie: ok('Content-Length: 2\r\nX: a\x08b') },
  { name: 'a space before the colon', lie: ok('Content-Length : 2') },
  { name: 'a folded line', lie: ok('X: a\r\n b\r\nContent-Length: 2') },
  { name: 'a line without a colon', lie: ok('Content-Length: 2\r\nnonsense') },
  { name: 'a field without a name', lie: ok('Content-Length: 2\r\n: x') },
  { name: 'a space in a name', lie: ok('Content-Length: 2\r\nX Y: x') },
  {
    name: 'Content-Length and Transfer-Encoding',
    lie: says(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ),
  },
  { name: 'two equal lengths', lie: ok('Content-Length: 2\r\nContent-Length: 2') },
  { name: 'two lengths', lie: ok('Content-Length: 2\r\nContent-Length: 20') },
  { name: 'a list of lengths', lie: ok('Content-Length: 2, 2') },
  { name: 'a length with a sign', lie: ok('Content-Length: +2') },
  { name: 'a negative length', lie: ok('Content-Length: -2') },
  { name: 'a hexadecimal length', lie: ok('Content-Length: 0x2') },
  { name: 'an empty length', lie: ok('Content-Length:') },
  { name: 'a length beyond all bounds', lie: ok('Content-Length: 99999999999999999999') },
  { name: 'another transfer coding', lie: ok('Transfer-Encoding: gzip, chunked') },
  { name: 'chunked twice', lie: ok('Transfer-Encoding: chunked, chunked') },
  {
    name: 'two Transfer-Encoding',
    lie: ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
  },
  { name: 'nearly chunked', lie: ok('Transfer-Encoding: xchunked') },
  {
    name: 'chunked in HTTP/1.0',
    lie: says('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  },
  {
    name: 'a head beyond proxy_buffer_size',
    lie: ok(`X: ${'x'.repeat(5000)}\r\nContent-Length: 2`),
    code: 'UPSTREAM_HEADER_TOO_LARGE',
  },
  {
    name: 'a head without an end',
    lie: async (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      while (!socket.destroyed) {
        socket.write('X: y\r\n'.repeat(100));
        await sleep(1);
      }
    },
    code: 'UPSTREAM_HEADER_TOO_LARGE',
  },
  {
    name: 'a head beyond a smaller proxy_buffer_size',
    lie: ok(`X: ${'x'.repeat(1100)}\r\nContent-Length: 2`),
    request: { path: '/small' },
    code: 'UPSTREAM_HEADER_TOO_LARGE',
  },
  {
    name: 'a flood of 100',
    lie: async (socket) => {
      while (!socket.destroyed) {
        socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(10));
        await sleep(1);
      }
    },
  },
  { name: '101 unasked', lie: says('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n') },
  {
    name: '101 where the configuration does not pass Upgrade on',
    lie: says('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    request: { path: '/deaf', headers: { Connection: 'upgrade', Upgrade: 'x' } },
  },
  {
    name: '101 to a request without Upgrade',
    lie: says('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    request: { path: '/upgrade' },
  },
  {
    name: 'FIN at once',
    lie: (socket) => {
      socket.end();
    },
    code: 'UPSTREAM_CLOSED_EARLY',
  },
  {
    name: 'FIN in the head',
    lie: (socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Le');
    },
    code: 'UPSTREAM_CLOSED_EARLY',
  },
  {
    name: 'FIN after 100',
    lie: (socket) => {
      socket.end('HTTP/1.1 100 Continue\r\n\r\n');
    },
    code: 'UPSTREAM_CLOSED_EARLY',
  },
  {
    name: 'a reset at once',
    lie: (socket) => {
      socket.resetAndDestroy();
    },
    code: 'UPSTREAM_RESET',
  },
  {
    name: 'a reset in the head',
    lie: async (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Le');
      await sleep(20);
      socket.resetAndDestroy();
    },
    code: 'UPSTREAM_RESET',
  },
  { name: 'silence', lie: () => undefined, status: 504, code: 'UPSTREAM_READ_TIMEOUT' },
  {
    name: 'silence in the head',
    lie: says('HTTP/1.1 200 OK\r\nX'),
    status: 504,
    code: 'UPSTREAM_READ_TIMEOUT',
  },
];

for (const head of heads) {
  const { name, status = 502, code = 'UPSTREAM_INVALID_RESPONSE' } = head;
  test(`${name}: ${status} and ${code}`, async () => {
    // Before, so that the lie does not go over a connection that could be retried.
    lie = head.lie;
    const answer = await request({ port, ...head.request });
    assert.equal(answer.status, status);
    assert.ok(!answer.raw.includes('evil'));
    await newLine(code);
    await stillWorks();
  });
}

// ---- bodies

interface Cut {
  readonly name: string;
  readonly lie: Lie;
  readonly code: string;
  /** The body may not have begun when it is found out. */
  readonly early?: boolean;
}

const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const begin = `${chunkedHead}5\r\nhello\r\n`;

function twice(first: string, then: (socket: Socket) => void): Lie {
  return async (socket) => {
    socket.write(first);
    await sleep(20);
    then(socket);
  };
}

const fin = (socket: Socket): void => void socket.end();
const reset = (socket: Socket): void => void socket.resetAndDestroy();
const write = (bytes: string) => (socket: Socket) => void socket.write(bytes);
const counted = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello';
const closed = 'UPSTREAM_CLOSED_EARLY';
const invalid = 'UPSTREAM_INVALID_RESPONSE';

const cuts: readonly Cut[] = [
  { name: 'a counted body that is too short', lie: twice(counted, fin), code: closed },
  { name: 'a counted body and a reset', lie: twice(counted, reset), code: 'UPSTREAM_RESET' },
  { name: 'a counted body that stops', lie: says(counted), code: 'UPSTREAM_READ_TIMEOUT' },
  { name: 'no last chunk', lie: twice(begin, fin), code: closed },
  { name: 'half a chunk', lie: twice(`${chunkedHead}ff\r\nhello`, fin), code: closed },
  { name: 'half a chunk size', lie: twice(`${begin}1`, fin), code: closed },
  { name: 'half a trailer section', lie: twice(`${begin}0\r\nX: y\r\n`, fin), code: closed },
  { name: 'chunks and a reset', lie: twice(begin, reset), code: 'UPSTREAM_RESET' },
  { name: 'chunks that stop', lie: says(begin), code: 'UPSTREAM_READ_TIMEOUT' },
  { name: 'a chunk size of letters', lie: twice(begin, write('xyz\r\n')), code: invalid },
  { name: 'a negative chunk size', lie: twice(begin, write('-5\r\n')), code: invalid },
  {
    name: 'a chunk size beyond all bounds',
    lie: twice(begin, write('ffffffffffffffffff\r\n')),
    code: invalid,
  },
  { name: 'a chunk longer than its size', lie: twice(begin, write('2\r\nabc\r\n')), code: invalid },
  { name: 'bare LF behind a chunk size', lie: twice(begin, write('2\nab\r\n')), code: invalid },
  { name: 'a bad trailer', lie: twice(begin, write('0\r\nX : y\r\n\r\n')), code: invalid },
  {
    name: 'a bad chunk size in one segment with the head',
    lie: says(`${chunkedHead}5\r\nhello\r\nxyz\r\n`),
    code: invalid,
    early: true,
  },
];

const last = { headers: { Connection: 'close' } };
const clients: readonly {
  name: string;
  request: RequestOptions;
  tls?: ConnectionOptions;
}[] = [
  { name: 'HTTP/1.1', request: last },
  { name: 'HTTP/1.1, proxy_buffering off', request: { ...last, path: '/unbuffered' } },
  { name: 'HTTP/1.0', request: { version: '1.0' } },
  { name: 'HTTP/1.1 over TLS', request: last, tls: { ca: pki.ca, servername: 'a.test' } },
  {
    name: 'HTTP/1.0 over TLS',
    request: { version: '1.0' },
    tls: { ca: pki.ca, servername: 'a.test' },
  },
];

for (const cut of cuts) {
  test(`${cut.name} is a cut for every client`, async () => {
    for (const { name, request: options, tls } of clients) {
      lie = cut.lie;
      const target = tls === undefined ? { port } : { port: tlsPort, tls };
      const client = await RawConnection.open(target);
      await client.send(formatRequest(options));
      const all = (await client.closed().catch(() => client.received.rest)).toString('latin1');
      const { error } = client.received;
      client.close();
      if (cut.early === true && all.startsWith('HTTP/1.1 502')) {
        await newLine(cut.code);
        continue;
      }
      assert.match(all, /^HTTP\/1\.1 200 OK\r\n/, name);
      const [head = '', body = ''] = all.split('\r\n\r\n', 2);
      assert.ok(!all.endsWith('0\r\n\r\n'), `${name}: no last chunk`);
      if (/^content-length: 100$/im.test(head)) assert.ok(body.length < 100, name);
      else if (!/^transfer-encoding/im.test(head)) assert.ok(error !== null, `${name}: a reset`);
      await newLine(cut.code);
    }
    await stillWorks();
  });
}

// ---- oddities that are no lies

test('a body that ends with the connection is whole', async () => {
  lie = twice('HTTP/1.1 200 OK\r\n\r\nhel', (socket) => void socket.end('lo'));
  const answer = await request({ port });
  assert.equal(answer.body.toString(), 'hello');
  assert.equal(answer.framing, 'chunked');
  lie = twice('HTTP/1.0 200 OK\r\n\r\nhel', (socket) => void socket.end('lo'));
  assert.equal((await request({ port, version: '1.0' })).body.toString(), 'hello');
});

test('interim answers are left out, and the final one comes', async () => {
  lie = says(
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const answer = await request({ port });
  assert.equal(answer.status, 200);
  assert.equal(answer.interim.length, 0);
  assert.equal(answer.body.toString(), 'ok');
});

test('an answer that comes byte by byte is the same answer', async () => {
  const bytes =
    'HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: t\r\n\r\n';
  lie = async (socket) => {
    for (const byte of bytes) {
      socket.write(byte);
      await sleep(1);
    }
  };
  const answer = await request({ port });
  assert.equal(answer.body.toString(), 'hello!');
  assert.deepEqual(
    answer.headers.find(([name]) => name === 'X'),
    ['X', 'y'],
  );
});

test('odd but valid statuses and values pass as they are', async () => {
  lie = says('HTTP/1.1 599 \xfc\r\nX: \xe4\t\xf6\r\nContent-Length: 2\r\n\r\nok');
  const answer = await request({ port });
  assert.equal(answer.status, 599);
  assert.equal(answer.headers.find(([name]) => name === 'X')?.[1], '\xe4\t\xf6');
});
