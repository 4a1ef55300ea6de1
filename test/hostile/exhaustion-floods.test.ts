// More than fits, of everything that a client sends: lines, fields, bodies, requests behind one
// another, pieces of one byte. Each is bounded by its directive, and others are served meanwhile.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually } from '../kit/eventually.ts';
import { floodBytes } from '../kit/kernel-buffers.ts';
import { freePort } from '../kit/ports.ts';
import { RawConnection } from '../kit/raw-client.ts';
import { RecordingUpstream, type Answer } from '../kit/recording-upstream.ts';
import { startProxy } from '../kit/sallyport.ts';
import { tryRequest } from './kit/busy-client.ts';
import { proved } from './kit/proved.ts';

const scope = { after };
const port = await freePort();
const upstream = await RecordingUpstream.start({}, scope);
const running = await startProxy(
  `http {
    large_client_header_buffers 2 1k;
    max_headers 20;
    client_max_body_size 64k;
    client_body_buffer_size 8k;
    keepalive_requests 50;
    access_log access.log;
    server {
      listen 127.0.0.1:${port};
      location /own { return 200 own; }
      location / { proxy_pass http://${upstream.address}; }
      location /streamed { proxy_request_buffering off; proxy_pass http://${upstream.address}; }
    }
  }`,
  { scope },
);

const start = 'GET / HTTP/1.1\r\nHost: a\r\n';
const chunked = 'HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

interface Row {
  readonly name: string;
  readonly by: string;
  readonly sent: string;
  readonly status: number;
}

const rows: readonly Row[] = [
  {
    name: 'a request line that is too long',
    by: 'large_client_header_buffers',
    sent: `GET /${'x'.repeat(1100)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    status: 414,
  },
  {
    name: 'a request line without an end',
    by: 'large_client_header_buffers',
    sent: `GET /${'x'.repeat(1100)}`,
    status: 414,
  },
  {
    name: 'a field line that is too long',
    by: 'large_client_header_buffers',
    sent: `${start}X: ${'x'.repeat(1100)}\r\n\r\n`,
    status: 431,
  },
  {
    name: 'a field line without an end',
    by: 'large_client_header_buffers',
    sent: `${start}X: ${'x'.repeat(1100)}`,
    status: 431,
  },
  {
    name: 'a head that is too long, of short lines',
    by: 'large_client_header_buffers',
    sent: `${start}${`X: ${'x'.repeat(200)}\r\n`.repeat(12)}\r\n`,
    status: 431,
  },
  {
    name: 'a head without an end',
    by: 'large_client_header_buffers',
    sent: `${start}${`X: ${'x'.repeat(200)}\r\n`.repeat(12)}`,
    status: 431,
  },
  {
    name: 'too many fields',
    by: 'max_headers',
    sent: `${start}${'X: y\r\n'.repeat(20)}\r\n`,
    status: 431,
  },
  {
    name: 'a body that says it is too large',
    by: 'client_max_body_size',
    sent: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n',
    status: 413,
  },
  {
    name: 'chunks that come to too much',
    by: 'client_max_body_size',
    sent: `POST / ${chunked}10001\r\n${'x'.repeat(65_537)}`,
    status: 413,
  },
  {
    name: 'streamed chunks that come to too much',
    by: 'client_max_body_size',
    sent: `POST /streamed ${chunked}${`1000\r\n${'x'.repeat(4096)}\r\n`.repeat(17)}`,
    status: 413,
  },
  {
    name: 'a chunk extension without an end',
    by: 'the most bytes of a chunk-size line',
    sent: `POST / ${chunked}1;${'x'.repeat(20_000)}`,
    status: 400,
  },
  {
    name: 'chunk extensions that come to too much',
    by: 'the most bytes of extensions in a body',
    sent: `POST / ${chunked}${`1;${'x'.repeat(900)}\r\nx\r\n`.repeat(20)}`,
    status: 400,
  },
  {
    name: 'trailers that come to too much',
    by: 'the most bytes of a trailer section',
    sent: `POST / ${chunked}0\r\n${`X: ${'x'.repeat(200)}\r\n`.repeat(50)}`,
    status: 400,
  },
];

const pieces = [Infinity, 7];

for (const { name, by, sent, status } of rows) {
  test(`${name}: ${by} ends it with ${status}`, async () => {
    const known = upstream.requests.length;
    for (const size of pieces) {
      const client = await RawConnection.open({ port });
      client.socket.on('error', () => undefined);
      const bytes = Buffer.from(sent, 'latin1');
      const step = Math.min(size, bytes.length);
      for (let at = 0; at < bytes.length; at += step) {
        client.socket.write(bytes.subarray(at, at + step));
      }
      assert.equal((await client.response()).status, status);
      assert.equal((await tryRequest({ port }, '/own'))?.status, 200);
      client.close();
    }
    // The head of a request that is streamed may be there, never the end of its body.
    assert.ok(upstream.requests.slice(known).every(({ complete }) => !complete));
    proved(pieces.length);
  });
}

test('requests behind one that waits are not read ahead without a bound', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  upstream.answer = async (): Promise<Answer> => {
    await promise;
    return { body: 'late' };
  };
  const known = upstream.requests.length;
  const client = await RawConnection.open({ port });
  client.socket.on('error', () => undefined);
  const one = Buffer.from(`${start}X: ${'x'.repeat(900)}\r\n\r\n`);
  const flood = Buffer.alloc(Math.floor(floodBytes / one.length) * one.length, one);
  client.socket.write(flood);
  await eventually('the first', () => upstream.requests.length === known + 1);
  assert.equal((await tryRequest({ port }, '/own'))?.status, 200);
  // What can't leave the client is not in the proxy.
  assert.ok(client.socket.writableLength > 0);
  assert.equal(upstream.requests.length, known + 1);
  resolve(undefined);
  // `keepalive_requests` is the end of it.
  for (let i = 0; i < 50; i += 1) assert.equal((await client.response()).status, 200);
  await client.closed().catch(() => undefined);
  assert.equal(upstream.requests.length, known + 50);
  client.close();
  proved();
});

for (const path of ['/', '/streamed']) {
  test(`60,000 chunks of one byte are one body, at ${path}`, async () => {
    upstream.answer = {};
    const known = upstream.requests.length;
    const client = await RawConnection.open({ port, limitMs: 20_000 });
    client.socket.write(`POST ${path} ${chunked}${'1\r\nx\r\n'.repeat(60_000)}`);
    assert.equal((await tryRequest({ port }, '/own'))?.status, 200);
    client.socket.write('0\r\n\r\n');
    assert.equal((await client.response()).status, 200);
    assert.equal(upstream.requests[known]?.body.length, 60_000);
    client.close();
    proved();
  });
}

test('after all that the proxy serves', async () => {
  assert.equal((await tryRequest({ port }, '/own'))?.status, 200);
  assert.doesNotMatch(running.errorLog(), /INTERNAL|\[emerg\]/);
});
