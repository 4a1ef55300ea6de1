// Requests that two parsers could read in two ways, and clients that are slow on purpose. What is
// refused gets its status and the end of the connection, and the upstream server never sees a byte
// of it; what is passed on arrives as one well-formed request.

import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './kit/eventually.ts';
import { floodBytes } from './kit/kernel-buffers.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, exchange, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';

const scope = { after };
const upstream = await RecordingUpstream.start({ answer: { body: 'ok' } }, scope);
const port = await freePort();
const running = await startProxy(
  `http {
  client_header_timeout 200ms;
  client_body_timeout 200ms;
  send_timeout 200ms;
  client_max_body_size 1m;
  log_format all '$status $request_length';
  access_log access.log all;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://${upstream.address}; }
    location /streamed { proxy_pass http://${upstream.address}; proxy_request_buffering off; }
    location /small { proxy_pass http://${upstream.address}; client_max_body_size 10; }
  }
}`,
  { scope },
);

beforeEach(() => {
  upstream.clear();
  upstream.answer = { body: 'ok' };
});

// ---- refused: the status, then the end of the connection; nothing upstream

interface Refused {
  readonly name: string;
  readonly bytes: string;
  /** Default 400. */
  readonly status?: number;
  /** Nothing follows: the limit counts before the head is complete. */
  readonly open?: boolean;
}

const get = (fields: string): string => `GET / HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n`;
const post = (fields: string, body = ''): string =>
  `POST / HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n${body}`;
/** Were it read, the upstream would show it. */
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
const long = (bytes: number): string => 'a'.repeat(bytes);

const refused: readonly Refused[] = [
  {
    name: 'Content-Length and Transfer-Encoding',
    bytes: post('Content-Length: 4\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`),
  },
  {
    name: 'Transfer-Encoding and Content-Length',
    bytes: post('Transfer-Encoding: chunked\r\nContent-Length: 4', `0\r\n\r\n${smuggled}`),
  },
  { name: 'two lengths', bytes: post('Content-Length: 0\r\nContent-Length: 38', smuggled) },
  { name: 'two equal lengths', bytes: post('Content-Length: 1\r\nContent-Length: 1', 'a') },
  { name: 'a list of lengths', bytes: post('Content-Length: 1, 1', 'a') },
  { name: 'a length with a sign', bytes: post('Content-Length: +1', 'a') },
  { name: 'a negative length', bytes: post('Content-Length: -1', 'a') },
  { name: 'a hexadecimal length', bytes: post('Content-Length: 0x1', 'a') },
  { name: 'a length with a fraction', bytes: post('Content-Length: 1.0', 'a') },
  { name: 'an empty length', bytes: post('Content-Length:', 'a') },
  { name: 'a length beyond all bounds', bytes: post(`Content-Length: 1${'0'.repeat(30)}`) },
  {
    name: 'a length in a field with a space before the colon',
    bytes: post('Content-Length : 38', smuggled),
  },
  {
    name: 'chunked twice in one field',
    bytes: post('Transfer-Encoding: chunked, chunked', '0\r\n\r\n'),
    status: 501,
  },
  {
    name: 'chunked in two fields',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
  },
  {
    name: 'another coding',
    bytes: post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
    status: 501,
  },
  { name: 'identity', bytes: post('Transfer-Encoding: identity', 'a'), status: 501 },
  { name: 'nearly chunked', bytes: post('Transfer-Encoding: xchunked', 'a'), status: 501 },
  {
    name: 'chunked with a vertical tab',
    bytes: post('Transfer-Encoding: \x0bchunked', '0\r\n\r\n'),
  },
  {
    name: 'a Transfer-Encoding with a space before the colon',
    bytes: post('Transfer-Encoding : chunked', '0\r\n\r\n'),
  },
  {
    name: 'a folded Transfer-Encoding',
    bytes: post('Transfer-Encoding:\r\n chunked', '0\r\n\r\n'),
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    bytes: 'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  },
  { name: 'a folded field', bytes: get('X: a\r\n b') },
  { name: 'a folded first field', bytes: 'GET / HTTP/1.1\r\n Host: x\r\n\r\n' },
  { name: 'bare LF everywhere', bytes: 'GET / HTTP/1.1\nHost: x\n\n' },
  { name: 'bare LF in a field', bytes: get('X: a\nTransfer-Encoding: chunked') },
  { name: 'bare LF at the end', bytes: 'GET / HTTP/1.1\r\nHost: x\r\n\n\r\n\r\n' },
  { name: 'bare CR in a field', bytes: get('X: a\rContent-Length: 5') },
  { name: 'bare CR in the request line', bytes: 'GET /\r HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'NUL in a field', bytes: get('X: a\0b') },
  { name: 'NUL in a name', bytes: get('X\0Y: a') },
  { name: 'NUL in the target', bytes: 'GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'an encoded NUL in the path', bytes: 'GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'a path above the root', bytes: 'GET /a/../../b HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'a malformed escape', bytes: 'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'a space before the colon', bytes: get('X : a') },
  { name: 'a line without a colon', bytes: get('nonsense') },
  { name: 'a field without a name', bytes: get(': a') },
  { name: 'no Host', bytes: 'GET / HTTP/1.1\r\nX: y\r\n\r\n' },
  { name: 'two Hosts', bytes: 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n' },
  { name: 'two equal Hosts', bytes: 'GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n' },
  { name: 'a Host with a path', bytes: 'GET / HTTP/1.1\r\nHost: x/y\r\n\r\n' },
  { name: 'a Host with a user', bytes: 'GET / HTTP/1.1\r\nHost: a@x\r\n\r\n' },
  { name: 'a Host with a space', bytes: 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n' },
  { name: 'a Host that lists two', bytes: 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n' },
  {
    name: 'a target whose host is not that of Host',
    bytes: 'GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n',
  },
  { name: 'a target with a user', bytes: 'GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'a target of another scheme', bytes: 'GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'a target without a slash', bytes: 'GET x HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'a target with a space', bytes: 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'two spaces', bytes: 'GET  / HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'a tab', bytes: 'GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'no version', bytes: 'GET /\r\nHost: x\r\n\r\n' },
  { name: 'a version of letters', bytes: 'GET / HTTP/x.y\r\nHost: x\r\n\r\n' },
  { name: 'a lower-case protocol', bytes: 'GET / http/1.1\r\nHost: x\r\n\r\n' },
  { name: 'HTTP/0.9', bytes: 'GET / HTTP/0.9\r\nHost: x\r\n\r\n' },
  { name: 'HTTP/2.0', bytes: 'GET / HTTP/2.0\r\nHost: x\r\n\r\n', status: 505 },
  { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  { name: 'a TLS ClientHello', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' },
  { name: 'a method with a bracket', bytes: 'G(T / HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'no method', bytes: ' / HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'CONNECT', bytes: 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', status: 405 },
  { name: 'TRACE', bytes: 'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n', status: 405 },
  { name: 'CONNECT with a path', bytes: 'CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: '* with GET', bytes: 'GET * HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'OPTIONS *', bytes: 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n' },
  { name: 'Connection that names Host', bytes: get('Connection: close, Host') },
  { name: 'Connection that names Cookie', bytes: get('Connection: cookie') },
  {
    name: 'Connection that names X-Forwarded-For',
    bytes: get('Connection: keep-alive, X-Forwarded-For'),
  },
  { name: 'Connection that names Content-Length', bytes: get('Connection: content-length') },
  { name: 'a Connection option that is no token', bytes: get('Connection: a b, (c)') },
  { name: 'a target that is too long', bytes: `GET /${long(9000)}`, status: 414, open: true },
  { name: 'a method that is too long', bytes: 'A'.repeat(9000), status: 414, open: true },
  { name: 'a field line that is too long', bytes: get(`X: ${long(9000)}`), status: 431 },
  {
    name: 'a field line that is too long and never ends',
    bytes: `GET / HTTP/1.1\r\nHost: x\r\nX: ${long(9000)}`,
    status: 431,
    open: true,
  },
  {
    name: 'a head that is too long and never ends',
    bytes: `GET / HTTP/1.1\r\nHost: x\r\n${`X: ${long(1000)}\r\n`.repeat(40)}`,
    status: 431,
    open: true,
  },
  { name: 'too many fields', bytes: get(`${'X: y\r\n'.repeat(2000)}X: y`), status: 431 },
  { name: 'a body that is too large', bytes: post('Content-Length: 2000000'), status: 413 },
];

for (const { name, bytes, status = 400, open = false } of refused) {
  test(`${name} is refused with ${status}`, async () => {
    const sent = open ? bytes : bytes + smuggled;
    const answer = (await exchange({ port }, sent)).toString('latin1');
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer');
    assert.match(answer, /\r\nConnection: close\r\n/);
    assert.deepEqual(upstream.requests, []);
  });
}

// ---- bodies that turn out to be malformed

const chunkedBodies: readonly { name: string; body: string }[] = [
  { name: 'a size of letters', body: 'xyz\r\n' },
  { name: 'an empty size', body: '\r\n\r\n' },
  { name: 'a sign', body: '+1\r\na\r\n0\r\n\r\n' },
  { name: 'a negative size', body: '-1\r\na\r\n0\r\n\r\n' },
  { name: '0x', body: '0x1\r\na\r\n0\r\n\r\n' },
  { name: 'a space before the size', body: ' 1\r\na\r\n0\r\n\r\n' },
  { name: 'a space behind the size', body: '1 \r\na\r\n0\r\n\r\n' },
  { name: 'an underscore', body: '1_0\r\na\r\n0\r\n\r\n' },
  { name: 'a size beyond 64 bits', body: '10000000000000001\r\na\r\n0\r\n\r\n' },
  { name: 'a size beyond 53 bits', body: 'ffffffffffffff\r\na\r\n0\r\n\r\n' },
  { name: 'leading zeros without end', body: `${'0'.repeat(5000)}1\r\na\r\n0\r\n\r\n` },
  { name: 'bare LF behind the size', body: '1\na\r\n0\r\n\r\n' },
  { name: 'bare LF behind the data', body: '1\r\na\n0\r\n\r\n' },
  { name: 'a chunk longer than its size', body: '1\r\nab\r\n0\r\n\r\n' },
  { name: 'bare LF in an extension', body: '1;a\nb\r\na\r\n0\r\n\r\n' },
  { name: 'NUL in an extension', body: '1;a\0b\r\na\r\n0\r\n\r\n' },
  { name: 'an extension without end', body: `1;${'a'.repeat(20_000)}\r\na\r\n0\r\n\r\n` },
  { name: 'bare LF at the end', body: '1\r\na\r\n0\r\n\n' },
  { name: 'a bad trailer', body: '1\r\na\r\n0\r\nX : y\r\n\r\n' },
  { name: 'trailers without end', body: `0\r\n${'X: y\r\n'.repeat(3000)}\r\n` },
];

for (const { name, body } of chunkedBodies) {
  test(`a chunked body with ${name} is refused`, async () => {
    for (const path of ['/', '/streamed']) {
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const answer = (await exchange({ port }, head + body + smuggled)).toString('latin1');
      assert.match(answer, /^HTTP\/1\.1 400 /, path);
      assert.match(answer, /\r\nConnection: close\r\n/);
      assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer');
      // Streamed: the head was passed on already, but never a complete request.
      const complete = upstream.requests.filter((one) => one.complete);
      assert.deepEqual(complete, []);
      if (path === '/') assert.deepEqual(upstream.requests, []);
    }
  });
}

test('a chunked body that grows too large is refused', async () => {
  for (const path of ['/small', '/small/x']) {
    const bytes =
      `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n` +
      '8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n';
    assert.match((await exchange({ port }, bytes + smuggled)).toString(), /^HTTP\/1\.1 413 /);
    assert.deepEqual(upstream.requests, []);
  }
});

// ---- passed on, as one request, with what is odd about it gone

const passed: readonly { name: string; bytes: string; target?: string; body?: string }[] = [
  {
    name: 'extensions and trailers',
    bytes: post(
      'Transfer-Encoding: chunked\r\nTrailer: X',
      '3;a=b;c="d"\r\nabc\r\n0;e\r\nX: y\r\nContent-Length: 5\r\n\r\n',
    ),
    body: 'abc',
  },
  {
    name: 'sizes in capitals',
    bytes: post('transfer-encoding: CHUNKED', 'A\r\n0123456789\r\n0\r\n\r\n'),
    body: '0123456789',
  },
  { name: 'a length with zeros', bytes: post('Content-Length: 003', 'abc'), body: 'abc' },
  { name: 'an absolute target', bytes: 'GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n', target: '/a' },
  { name: 'an empty line before', bytes: `\r\n${get('X: y')}` },
  { name: 'an option of Connection', bytes: get('Connection: keep-alive, X-Mine\r\nX-Mine: 1') },
  {
    name: 'Proxy-Connection, TE and Keep-Alive',
    bytes: get('Proxy-Connection: x\r\nTE: trailers\r\nKeep-Alive: 5'),
  },
  { name: 'Upgrade', bytes: get('Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA') },
  { name: 'a body with GET', bytes: get('Content-Length: 3') + 'abc', body: 'abc' },
  {
    name: 'a body that looks like a request',
    bytes: post(`Content-Length: ${smuggled.length}`, smuggled),
    body: smuggled,
  },
];

const hopByHop = new Set([
  'x-mine',
  'proxy-connection',
  'te',
  'keep-alive',
  'upgrade',
  'http2-settings',
  'trailer',
]);

for (const { name, bytes, target = '/', body = '' } of passed) {
  test(`${name}: one request comes through`, async () => {
    const client = await RawConnection.open({ port });
    await client.send(bytes);
    assert.equal((await client.response()).status, 200);
    client.close();
    const { onlyRequest } = upstream;
    assert.equal(onlyRequest.target, target);
    assert.equal(onlyRequest.body.toString('latin1'), body);
    assert.equal(onlyRequest.headerAll('host').length, 1);
    assert.deepEqual(onlyRequest.trailers, []);
    const left = onlyRequest.headers.filter(([field]) => hopByHop.has(field.toLowerCase()));
    assert.deepEqual(left, []);
  });
}

test('pipelined requests are answered in order, each on its own', async () => {
  upstream.answer = (received) => ({ body: received.target });
  const client = await RawConnection.open({ port });
  const targets = Array.from({ length: 20 }, (_, i) => `/${i}`);
  await client.send(
    targets
      .map((target, i) =>
        i % 3 === 0
          ? `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc`
          : `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`,
      )
      .join(''),
  );
  for (const target of targets) {
    assert.equal((await client.response()).body.toString(), target);
  }
  client.close();
  assert.deepEqual(
    upstream.requests.map((one) => one.target),
    targets,
  );
});

test('what follows a request with Connection: close is not read', async () => {
  const answer = await exchange({ port }, get('Connection: close') + smuggled);
  assert.equal(answer.toString().split('HTTP/1.1 ').length, 2);
  assert.equal(upstream.onlyRequest.target, '/');
});

test('more pipelined bytes than fit wait without being lost', async () => {
  upstream.answer = async () => {
    await sleep(20);
    return {};
  };
  const client = await RawConnection.open({ port });
  const field = `X: ${long(7000)}`;
  const count = 60;
  const sent = client.send(get(field).repeat(count));
  for (let i = 0; i < count; i += 1) {
    assert.equal((await client.response()).status, 200);
    upstream.answer = {};
  }
  await sent;
  client.close();
  assert.equal(upstream.requests.length, count);
});

// ---- slow clients

test('a head that does not come is the end of the connection', async () => {
  assert.equal((await exchange({ port }, '')).length, 0);
});

test('a slow head is the end of the connection, and 408 in the log', async () => {
  const before = running.accessLog().length;
  assert.equal((await exchange({ port }, 'GET / HTTP/1.1\r\nHost: x\r\nX-')).length, 0);
  await eventually('the line', () => running.accessLog().slice(before).includes('408 '));
  assert.deepEqual(upstream.requests, []);
});

test('a head that trickles in is cut off all the same', async () => {
  const client = await RawConnection.open({ port });
  let gone = false;
  client.socket.on('close', () => (gone = true));
  await client.send('GET / HTTP/1.1\r\n');
  for (let i = 0; i < 200 && !gone; i += 1) {
    await client.send('X: y\r\n').catch(() => undefined);
    await sleep(10);
  }
  assert.ok(gone);
  assert.deepEqual(upstream.requests, []);
});

for (const path of ['/', '/streamed']) {
  test(`a body that stops is 408, at ${path}`, async () => {
    const bytes = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc`;
    assert.match((await exchange({ port }, bytes)).toString(), /^HTTP\/1\.1 408 /);
    assert.deepEqual(
      upstream.requests.filter((one) => one.complete),
      [],
    );
  });

  test(`a body that never begins is 408, at ${path}`, async () => {
    const bytes = `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    assert.match((await exchange({ port }, bytes)).toString(), /^HTTP\/1\.1 408 /);
  });
}

test('a client that does not read is cut off after send_timeout', async () => {
  upstream.answer = { body: Buffer.alloc(floodBytes) };
  const client = await RawConnection.open({ port });
  client.socket.pause();
  await client.send(get('X: y'));
  await eventually('the line', () => running.errorLog().includes('send_timeout'));
  client.socket.resume();
  const received = await client.closed().catch(() => client.received.rest);
  assert.ok(received.length < floodBytes);
  client.close();
});

test('a client that reads slowly gets everything', async () => {
  const body = Buffer.alloc(12_000_000, 'x');
  upstream.answer = { body };
  const client = await RawConnection.open({ port, limitMs: 20_000 });
  const timer = setInterval(() => {
    client.socket.resume();
    setTimeout(() => client.socket.pause(), 2);
  }, 50);
  await client.send(get('X: y'));
  const answer = await client.response();
  clearInterval(timer);
  client.close();
  assert.ok(answer.body.equals(body));
});

test('a head of 32 KB that comes byte by byte is the head that was sent', async () => {
  const name = 'X-Long';
  const fields = Array.from({ length: 4 }, (_, i) => `${name}-${i}: ${long(7000)}\r\n`).join('');
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port}; location / { proxy_pass http://${upstream.address}; } } }`,
    { scope },
  );
  const client = await RawConnection.open({ port, limitMs: 20_000 });
  client.socket.setNoDelay(true);
  for (const byte of `GET / HTTP/1.1\r\nHost: x\r\n${fields}\r\n`) {
    client.socket.write(byte);
    // A turn of the event loop, so that the proxy reads each of them alone.
    await setImmediate();
  }
  assert.equal((await client.response()).status, 200);
  client.close();
  for (let i = 0; i < 4; i += 1) {
    assert.equal(upstream.onlyRequest.header(`${name}-${i}`)?.length, 7000);
  }
});

test('limits hold however the bytes are cut', async () => {
  const heads: readonly [string, number][] = [
    [`GET /${long(9000)}`, 414],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${long(9000)}`, 431],
    [`GET / HTTP/1.1\r\nHost: x\r\n${`X: ${long(1000)}\r\n`.repeat(40)}`, 431],
    ['GET / HTTP/1.1\nHost: x', 400],
  ];
  for (const [bytes, status] of heads) {
    for (const size of [1000, 4096]) {
      const client = await RawConnection.open({ port });
      for (let at = 0; at < bytes.length; at += size) {
        await client.send(bytes.slice(at, at + size)).catch(() => undefined);
      }
      assert.equal((await client.response()).status, status);
      client.close();
    }
  }
  assert.deepEqual(upstream.requests, []);
});

test('after all that the proxy still serves', async () => {
  assert.equal((await request({ port })).status, 200);
});
