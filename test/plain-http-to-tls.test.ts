// Plain HTTP, or nothing of the kind, on a port that speaks TLS: a page that says so (nginx's 497), and
// no request gets any further.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx, type ComparedRequest } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const pki = await testPki();
const pair = `ssl_certificate ${pki.a.certificate}; ssl_certificate_key ${pki.a.key};`;
const verifying = `ssl_client_certificate ${pki.caFile}; ssl_verify_client on;`;

function server(port: number, more = ''): string {
  return `server { listen 127.0.0.1:${port} ssl; server_name a.test; ${pair} ${more}
    location / { return 200 "inside"; }
    location = /page { return 200 "$scheme $uri"; } }`;
}

function raw(text: string, to = 0): ComparedRequest {
  return { name: `port ${to}: ${text}`, raw: text, to };
}

test("the answer is nginx's, or what error_page says", { skip: !nginxAvailable }, async (t) => {
  const observed = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ ports: [first = 0, second = 0, third = 0] }) => `events { } http {
      ${server(first, verifying)}
      ${server(second, 'error_page 497 =301 https://$host$request_uri;')}
      ${server(third, 'error_page 497 /page;')} }`,
    listens: 3,
    requests: [
      raw('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
      raw('GET / HTTP/1.0\r\n\r\n'),
      raw('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc'),
      raw('GET / HTTP/1.1\r\nHost: a.test\r\nBroken\r\n\r\n'),
      raw('GET /a%20b?c HTTP/1.1\r\nHost: a.test\r\n\r\n', 1),
      raw('GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n', 2),
    ],
    scope: t,
  });
  assertSameAsNginx(observed);
  const page = observed[0]?.proxy.answers[0]?.body ?? '';
  assert.match(page, /The plain HTTP request was sent to HTTPS port/);
});

test('no request gets any further, not even one that is pipelined', async (t) => {
  const port = await freePort();
  const proxy = await startProxy(`http { ${server(port)} }`, { scope: t });
  const connection = await RawConnection.open({ port });
  await connection.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'.repeat(3));
  const all = (await connection.closed()).toString();
  assert.equal(all.match(/^HTTP\/1\.1 400 /gm)?.length, 1);
  assert.doesNotMatch(all, /200 OK|inside/);
  assert.match(proxy.errorLog(), /client sent plain HTTP request to HTTPS port, client: 127/);
});

test('bytes that are neither TLS nor HTTP end the connection and nothing else', async (t) => {
  const port = await freePort();
  await startProxy(`http { ${server(port)} }`, { scope: t });
  for (const bytes of [Buffer.from([0x16, 3, 1, 0, 5, 9, 9, 9, 9, 9]), Buffer.alloc(300, 0x80)]) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.resume().on('close', () => resolve());
      socket.on('error', () => undefined);
    });
  }
  const tls = { ca: pki.ca, servername: 'a.test' };
  assert.equal((await request({ port, headers: { Host: 'a.test' }, tls })).status, 200);
});
