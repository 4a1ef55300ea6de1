// Servers that answer before they have read the request, and close: the answer reaches the client
// where it is complete (RFC 9112, 9.5), and nothing is taken for complete that is not.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import type { RawResponse } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { startProxy } from './kit/sallyport.ts';

const scope = { after };
const pki = await testPki();

const answers: Readonly<Record<string, string>> = {
  counted: 'HTTP/1.1 413 Too Much\r\nContent-Length: 8\r\nX-Early: 1\r\n\r\ntoo much',
  chunked:
    'HTTP/1.1 413 Too Much\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntoo \r\n4\r\nmuch\r\n0\r\n\r\n',
  short: 'HTTP/1.1 413 Too Much\r\nContent-Length: 80\r\n\r\ntoo much',
  headless: 'HTTP/1.1 413 Too',
  silent: '',
};

// Reads no more than the head, answers, and drops what it has not read: the kernel sends a reset.
function serve(socket: Socket): void {
  socket.once('data', (chunk: Buffer) => {
    socket.pause();
    const kind = /\/\w+\/(\w+) HTTP/.exec(chunk.toString('latin1'))?.[1] ?? '';
    const text = answers[kind] ?? '';
    if (text === '') socket.destroy();
    else socket.write(text, () => socket.destroy());
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
  server {
    listen 127.0.0.1:${port};
    location /file/ { proxy_pass http://${plain.address}; }
    location /memory/ { client_body_buffer_size 100m; proxy_pass http://${plain.address}; }
    location /streamed/ { proxy_request_buffering off; proxy_pass http://${plain.address}; }
    location /tlsfile/ { proxy_pass https://${secure.address}; }
    location /tlsstreamed/ { proxy_request_buffering off; proxy_pass https://${secure.address}; }
  }
}`,
  { scope },
);

const body = Buffer.alloc(24_000_000, 'x');

async function upload(path: string, chunked = false): Promise<RawResponse> {
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

for (const place of ['file', 'memory', 'streamed', 'tlsfile', 'tlsstreamed']) {
  for (const kind of ['counted', 'chunked']) {
    test(`an answer that comes early is given: ${place}, ${kind}`, async () => {
      for (let i = 0; i < 5; i += 1) {
        const answer = await upload(`/${place}/${kind}`, i % 2 === 1);
        assert.equal(answer.status, 413);
        assert.equal(answer.body.toString(), 'too much');
      }
    });
  }

  test(`an answer that is not complete is none: ${place}`, async () => {
    await assert.rejects(upload(`/${place}/short`), /ended before|did not come/);
    for (const kind of ['headless', 'silent']) {
      assert.equal((await upload(`/${place}/${kind}`)).status, 502);
    }
  });
}

test('the log says that sending failed', () => {
  assert.match(running.errorLog(), /UPSTREAM_RESET: (send|recv)\(\) failed \(\d+: /);
});

test('the next request on the same client connection is served', async () => {
  const client = await RawConnection.open({ port, limitMs: 10_000 });
  const small = 'POST /streamed/counted HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc';
  for (let i = 0; i < 3; i += 1) {
    await client.send(small);
    assert.equal((await client.response()).status, 413);
  }
  client.close();
});
