// Connections to upstream servers that are used again: how many are kept, when one must not be, and
// for whom: never for a request of another TLS policy, never with bytes left over from another
// client's answer.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, lines } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, formatRequest, request } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import type { RecordedRequest, UpstreamOptions } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';

interface Setup {
  readonly port: number;
  readonly upstream: RecordingUpstream;
}

async function setup(
  scope: Scope,
  options: UpstreamOptions & { readonly group?: string; readonly directives?: string } = {},
): Promise<Setup> {
  const upstream = await RecordingUpstream.start(options, scope);
  const port = await freePort();
  await startProxy(
    `http {
  upstream group { server ${upstream.address} max_fails=0; ${options.group ?? ''} }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://group; ${options.directives ?? ''} }
  }
}`,
    { scope },
  );
  return { port, upstream };
}

/** Sends requests that are all under way at once. */
async function together(port: number, upstream: RecordingUpstream, count: number): Promise<void> {
  let release = (): void => undefined;
  const all = new Promise<void>((resolve) => (release = resolve));
  const before = upstream.requests.length;
  upstream.answer = async () => {
    await all;
    return {};
  };
  const answers = Array.from({ length: count }, () => request({ port }));
  await eventually('all requests', () => upstream.requests.length === before + count);
  release();
  await Promise.all(answers);
  upstream.answer = {};
}

const connectionsOf = (upstream: RecordingUpstream): number[] =>
  upstream.requests.map(({ connection }) => connection);

test('requests one after the other use one connection, whoever sends them', async (t) => {
  const { port, upstream } = await setup(t);
  for (let i = 0; i < 5; i += 1) await request({ port });
  await request({ port, method: 'POST', body: 'abc' });
  await request({ port, method: 'HEAD' });
  upstream.answer = { status: 404, headers: { 'Transfer-Encoding': 'chunked' }, body: 'x' };
  await request({ port });
  await request({ port });
  assert.deepEqual(
    connectionsOf(upstream),
    Array.from({ length: 9 }, () => 1),
  );
});

test('keepalive N keeps N idle connections', async (t) => {
  let closed = 0;
  const { port, upstream } = await setup(t, {
    group: 'keepalive 2;',
    onConnection: (socket) => socket.on('close', () => (closed += 1)),
  });
  await together(port, upstream, 4);
  assert.equal(upstream.connectionCount, 4);
  await eventually('the end of two', () => closed === 2);
  await together(port, upstream, 4);
  assert.equal(upstream.connectionCount, 6);
});

test('keepalive 0 keeps none', async (t) => {
  const { port, upstream } = await setup(t, { group: 'keepalive 0;' });
  for (let i = 0; i < 3; i += 1) await request({ port });
  assert.deepEqual(connectionsOf(upstream), [1, 2, 3]);
});

test('a connection ends after keepalive_requests', async (t) => {
  const { port, upstream } = await setup(t, { group: 'keepalive_requests 2;' });
  for (let i = 0; i < 5; i += 1) await request({ port });
  assert.deepEqual(connectionsOf(upstream), [1, 1, 2, 2, 3]);
});

test('an idle connection ends after keepalive_timeout', async (t) => {
  let closed = 0;
  const { port, upstream } = await setup(t, {
    group: 'keepalive_timeout 100ms;',
    onConnection: (socket) => socket.on('close', () => (closed += 1)),
  });
  await request({ port });
  await eventually('the close', () => closed === 1);
  await request({ port });
  assert.deepEqual(connectionsOf(upstream), [1, 2]);
});

test('a connection ends after keepalive_time', async (t) => {
  const { port, upstream } = await setup(t, { group: 'keepalive_time 100ms;' });
  await request({ port });
  await sleep(150);
  await request({ port });
  await request({ port });
  assert.deepEqual(connectionsOf(upstream), [1, 1, 2]);
});

const endings: readonly { name: string; raw: string; method?: string }[] = [
  {
    name: 'Connection: close',
    raw: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  },
  {
    name: 'close among other options',
    raw: 'HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok',
  },
  { name: 'HTTP/1.0', raw: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok' },
  { name: 'bytes behind the body', raw: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok+' },
  {
    name: 'bytes behind the last chunk',
    raw: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1',
  },
  { name: 'a body behind 304', raw: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok' },
  { name: 'a body behind 204', raw: 'HTTP/1.1 204 No Content\r\n\r\nok' },
  {
    name: 'a body for HEAD',
    raw: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    method: 'HEAD',
  },
];

for (const { name, raw, method = 'GET' } of endings) {
  test(`a connection is not used again after: ${name}`, async (t) => {
    const { port, upstream } = await setup(t, { answer: { raw } });
    await request({ port, method });
    upstream.answer = {};
    assert.equal((await request({ port })).body.toString(), 'ok\n');
    assert.deepEqual(connectionsOf(upstream), [1, 2]);
  });
}

test('HTTP/1.0 with Connection: keep-alive is used again', async (t) => {
  const raw = 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok';
  const { port, upstream } = await setup(t, { answer: { raw } });
  for (let i = 0; i < 3; i += 1) await request({ port });
  assert.deepEqual(connectionsOf(upstream), [1, 1, 1]);
});

// Answers as soon as the head is there; the body is read only when `go` is called.
function early(answer: string): { options: UpstreamOptions; go: () => void } {
  let held: Socket | null = null;
  const options: UpstreamOptions = {
    onConnection: (socket) => {
      if (held !== null) return;
      held = socket;
      socket.prependOnceListener('data', () => {
        socket.pause();
        socket.write(answer);
      });
    },
  };
  return { options, go: () => held?.resume() };
}

for (const buffering of ['on', 'off']) {
  for (const chunked of [false, true]) {
    const framing = chunked ? 'chunked' : 'counted';
    test(`an answer before the ${framing} body was sent ends the connection, proxy_request_buffering ${buffering}`, async (t) => {
      const { options, go } = early('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
      const { port, upstream } = await setup(t, {
        ...options,
        answer: () => undefined,
        directives: `proxy_request_buffering ${buffering}; client_max_body_size 0;`,
      });
      const client = await RawConnection.open({ port });
      t.after(() => client.close());
      const headers = chunked ? { 'Transfer-Encoding': 'chunked' } : {};
      const body = Buffer.alloc(20_000_000);
      client.send(formatRequest({ method: 'POST', headers, body })).catch(() => undefined);
      assert.equal((await client.response()).status, 403);
      go();
      upstream.answer = {};
      assert.equal((await request({ port })).status, 200);
      assert.equal(upstream.requests.at(-1)?.connection, 2);
      assert.equal(upstream.requests.at(-1)?.method, 'GET');
    });
  }
}

test('a body that still goes out when the answer begins is sent whole', async (t) => {
  const body = Buffer.alloc(20_000_000, 'x');
  let received = 0;
  const upstream = await startRawServer(
    (socket) => {
      received = 0;
      socket.once('data', (first: Buffer) => {
        received -= first.indexOf('\r\n\r\n') + 4;
        socket.pause();
        socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nhe');
        setTimeout(() => socket.resume(), 50);
      });
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received === body.length) socket.write('ad');
      });
    },
    { scope: t },
  );
  const port = await freePort();
  await startProxy(
    `http { client_max_body_size 0; server { listen 127.0.0.1:${port};
      location / { proxy_pass http://${upstream.address}; }
      location /off { proxy_pass http://${upstream.address}; proxy_request_buffering off; }
    } }`,
    { scope: t },
  );
  for (const path of ['/', '/off']) {
    const answer = await request({ port, path, method: 'POST', body });
    assert.equal(answer.body.toString(), 'head');
    assert.equal(received, body.length);
  }
});

test('bytes behind an answer never reach the next client', async (t) => {
  const smuggled = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';
  let served = 0;
  const { port, upstream } = await setup(t, {
    answer: async (_: RecordedRequest, socket: Socket) => {
      served += 1;
      const good = `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n${String(served).padStart(4, '0')}`;
      // In one segment, and as one that comes when the connection is idle.
      if (served % 2 === 0) return { raw: good + smuggled };
      socket.write(good);
      await sleep(5);
      return { raw: smuggled };
    },
  });
  const [one, two] = [await RawConnection.open({ port }), await RawConnection.open({ port })];
  t.after(() => [one, two].forEach((client) => client.close()));
  for (let i = 1; i <= 20; i += 1) {
    const answer = await (i % 2 === 0 ? one : two).request();
    assert.equal(answer.body.toString(), String(i).padStart(4, '0'));
    await sleep(10);
  }
  assert.equal(upstream.connectionCount, 20);
});

test('an answer that comes without a request closes the idle connection', async (t) => {
  const sockets: Socket[] = [];
  const { port, upstream } = await setup(t, { onConnection: (socket) => sockets.push(socket) });
  await request({ port });
  let closed = false;
  sockets[0]?.on('close', () => (closed = true));
  sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL');
  await eventually('the close', () => closed);
  assert.equal((await request({ port })).body.toString(), 'ok\n');
  assert.deepEqual(connectionsOf(upstream), [1, 2]);
});

// ---- identity: two locations on one group, alike but for one line

const pki = await testPki();

const trust = `proxy_ssl_trusted_certificate ${pki.caFile};`;
const clientCertificate =
  `proxy_ssl_certificate ${pki.client.certificate}; ` +
  `proxy_ssl_certificate_key ${pki.client.key};`;

interface Pair {
  readonly name: string;
  /** Works; its connection and session are kept. */
  readonly first: string;
  readonly second: string;
  /** What the second gets: an answer on its own connection, or 502 with a code. */
  readonly outcome: 'own' | `UPSTREAM_TLS_${string}`;
}

const pairs: readonly Pair[] = [
  {
    name: 'another CA',
    first: trust,
    second: `proxy_ssl_trusted_certificate ${pki.otherCaFile};`,
    outcome: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
  },
  {
    name: 'another name',
    first: trust,
    second: `${trust} proxy_ssl_name b.test;`,
    outcome: 'UPSTREAM_TLS_NAME_MISMATCH',
  },
  {
    name: 'verification switched off first',
    first: 'proxy_ssl_verify off;',
    second: `proxy_ssl_trusted_certificate ${pki.otherCaFile};`,
    outcome: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
  },
  { name: 'a client certificate', first: trust, second: trust + clientCertificate, outcome: 'own' },
  {
    name: 'a client certificate first',
    first: trust + clientCertificate,
    second: trust,
    outcome: 'own',
  },
  {
    name: 'no server name',
    first: trust,
    second: `${trust} proxy_ssl_server_name off;`,
    outcome: 'own',
  },
  {
    name: 'other protocols',
    first: trust,
    second: `${trust} proxy_ssl_protocols TLSv1.2;`,
    outcome: 'own',
  },
];

for (const { name, first, second, outcome } of pairs) {
  test(`a connection and its session are not shared with: ${name}`, async (t) => {
    const tls = { ...pki.a.tls, requestCert: true, ca: pki.ca, rejectUnauthorized: false };
    const upstream = await RecordingUpstream.start({ tls }, t);
    const port = await freePort();
    const running = await startProxy(
      `http {
  log_format tls '$uri $status $upstream_ssl_reused';
  access_log access.log tls;
  upstream group { server ${upstream.address} max_fails=0; }
  server {
    listen 127.0.0.1:${port};
    proxy_pass_request_headers on;
    location /first { proxy_ssl_name a.test; proxy_pass https://group; ${first} }
    location /second { ${second.includes('proxy_ssl_name') ? '' : 'proxy_ssl_name a.test;'}
      proxy_pass https://group; ${second} }
  }
}`,
      { scope: t },
    );
    for (const path of ['/first', '/first', '/second', '/first']) await request({ port, path });
    const [one, again, other, last] = await lines(() => running.accessLog(), 4);
    assert.equal(one, '/first 200 .');
    assert.equal(again, '/first 200 .');
    assert.equal(last, '/first 200 .');
    const used = upstream.requests.filter(({ target }) => target === '/first');
    assert.deepEqual(new Set(used.map(({ connection }) => connection)).size, 1);
    const own = upstream.requests.filter(({ target }) => target === '/second');
    if (outcome === 'own') {
      assert.equal(other, '/second 200 .');
      assert.notEqual(own[0]?.connection, used[0]?.connection);
      const shown = own[0]?.tls?.clientName ?? null;
      assert.equal(shown, second.includes('proxy_ssl_certificate ') ? 'client' : null);
    } else {
      assert.equal(other, '/second 502 .');
      assert.equal(own.length, 0);
      await eventually('the code', () => running.errorLog().includes(outcome));
    }
  });
}
