// Servers that answer before they have read the request: the answer reaches the client where it is
// complete (RFC 9112, 9.5), nothing is taken for complete that is not, and the connection, which may
// hold half of a request, serves nobody else.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { testPki } from '../kit/pki.ts';
import { freePort } from '../kit/ports.ts';
import { RawConnection } from '../kit/raw-client.ts';
import type { RawResponse } from '../kit/raw-client.ts';
import { startRawServer } from '../kit/raw-server.ts';
import { startProxy } from '../kit/sallyport.ts';
import { proved } from './kit/proved.ts';
import { earlyAnswers } from './responses/early.ts';

const scope = { after };
const pki = await testPki();

function serve(socket: Socket): void {
  socket.once('data', (chunk: Buffer) => {
    const kind = earlyAnswers[Number(/\/\w+\/(\d+) HTTP/.exec(chunk.toString('latin1'))?.[1])];
    if (kind === undefined) {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnext');
      return;
    }
    if (kind.then === 'reads on') socket.resume();
    else socket.pause();
    const close = (): void => {
      if (kind.then === 'closes') socket.destroy();
    };
    if (kind.answer === '') close();
    else socket.write(kind.answer, close);
  });
}

const plain = await startRawServer(serve, { scope });
const secure = await startRawServer(serve, { scope, tls: pki.a.tls });
const port = await freePort();
const running = await startProxy(
  `http {
  client_max_body_size 0;
  proxy_ssl_name a.test;
  proxy_ssl_trusted_certificate ${pki.caFile};
  proxy_send_timeout 300ms;
  proxy_read_timeout 5s;
  server {
    listen 127.0.0.1:${port};
    location /file/ { proxy_pass http://${plain.address}; }
    location /memory/ { client_body_buffer_size 100m; proxy_pass http://${plain.address}; }
    location /streamed/ { proxy_request_buffering off; proxy_pass http://${plain.address}; }
    location /unbuffered/ { proxy_buffering off; proxy_pass http://${plain.address}; }
    location /tlsfile/ { proxy_pass https://${secure.address}; }
    location /tlsstreamed/ { proxy_request_buffering off; proxy_pass https://${secure.address}; }
  }
}`,
  { scope },
);

const places = ['file', 'memory', 'streamed', 'unbuffered', 'tlsfile', 'tlsstreamed'];
const body = Buffer.alloc(24_000_000, 'x');

async function upload(path: string, chunked: boolean): Promise<RawResponse> {
  const client = await RawConnection.open({ port, limitMs: 10_000 });
  client.socket.on('error', () => undefined);
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`;
  const before = chunked ? `${body.length.toString(16)}\r\n` : '';
  const bytes = Buffer.concat([
    Buffer.from(head + before),
    body,
    Buffer.from(chunked ? '\r\n0\r\n\r\n' : ''),
  ]);
  // The proxy may close before it has read all of it.
  client.send(bytes).catch(() => undefined);
  try {
    return await client.response();
  } finally {
    client.close();
  }
}

async function next(place: string): Promise<void> {
  const client = await RawConnection.open({ port });
  const answer = await client.request({ path: `/${place}/next` });
  assert.equal(answer.body.toString(), 'next');
  client.close();
}

earlyAnswers.forEach(({ name, sees }, index) => {
  test(`${name}: ${sees}`, async () => {
    for (const place of places) {
      for (const chunked of [false, true]) {
        const answer = upload(`/${place}/${index}`, chunked);
        if (sees === 'cut') {
          await assert.rejects(answer, /ended before|did not come/, place);
        } else {
          const { status, body: text } = await answer;
          assert.equal(status, sees, place);
          if (sees === 413) assert.equal(text.toString(), 'too much', place);
          else assert.ok(!text.includes('too much'), place);
        }
        await next(place);
      }
    }
    proved(places.length * 2);
  });
});

test('the log says that sending failed', () => {
  assert.match(running.errorLog(), /UPSTREAM_RESET: (send|recv)\(\) failed \(\d+: /);
  assert.match(running.errorLog(), /UPSTREAM_SEND_TIMEOUT: /);
});

test('the next request on the same client connection is served', async () => {
  const client = await RawConnection.open({ port, limitMs: 10_000 });
  const small = 'POST /streamed/0 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc';
  for (let i = 0; i < 3; i += 1) {
    await client.send(small);
    assert.equal((await client.response()).status, 413);
  }
  client.close();
});
