// More connections than `worker_connections`: idle ones make room, then new ones are turned away,
// and whoever is being served is served on. All connections count: clients in their handshake, and
// those to upstream servers.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually } from '../kit/eventually.ts';
import { testPki } from '../kit/pki.ts';
import { freePort } from '../kit/ports.ts';
import { RawConnection, request } from '../kit/raw-client.ts';
import { RecordingUpstream, type Answer } from '../kit/recording-upstream.ts';
import { startProxy, type RunningProxy } from '../kit/sallyport.ts';
import { BusyClient, tryRequest } from './kit/busy-client.ts';
import { proved } from './kit/proved.ts';

interface Lab {
  readonly port: number;
  readonly upstream: RecordingUpstream;
  readonly spare: RecordingUpstream;
  readonly running: RunningProxy;
}

interface LabOptions {
  readonly connections: number;
  /** After "listen 127.0.0.1:PORT", with what else belongs there. */
  readonly listen?: string;
  readonly http?: string;
}

async function startLab(t: TestContext, options: LabOptions): Promise<Lab> {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ answer: { body: 'main' } }, t);
  const spare = await RecordingUpstream.start({ answer: { body: 'spare' } }, t);
  const { connections, listen = ';', http = '' } = options;
  const running = await startProxy(
    `events { worker_connections ${connections}; }
    http {
      access_log off; proxy_http_version 1.1; proxy_set_header Connection "";
      ${http}
      upstream group {
        server ${upstream.address} max_fails=1 fail_timeout=1h;
        server ${spare.address} backup;
        keepalive 16;
      }
      server {
        listen 127.0.0.1:${port}${listen}
        location / { proxy_pass http://group; }
        location /own { return 200 own; }
      }
    }`,
    { scope: t },
  );
  return { port, upstream, spare, running };
}

/** Has the upstream hold its answers until `release` is called. */
function hold(upstream: RecordingUpstream, t: TestContext): () => void {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  t.after(() => resolve(undefined));
  upstream.answer = async (): Promise<Answer> => {
    await promise;
    return { body: 'main' };
  };
  return () => resolve(undefined);
}

function saysNotEnough({ running }: Lab, connections: number, more = ','): Promise<boolean> {
  const line = `${connections} worker_connections are not enough${more}`;
  return eventually(line, () => `${running.errorLog().replaceAll('\n', ',')}`.includes(line));
}

test('a client too many is closed, those before it are served, and then others', async (t) => {
  const lab = await startLab(t, { connections: 8 });
  const target = { port: lab.port };
  const clients = await BusyClient.openMany(8, target, t);
  for (let i = 0; i < 3; i += 1) assert.equal(await tryRequest(target), null);
  await saysNotEnough(lab, 8);
  clients[0]?.connection.close();
  await eventually('room', async () => (await tryRequest(target, '/own'))?.status === 200);
  // Room for the way to the upstream as well.
  clients[1]?.connection.close();
  for (const client of clients.slice(2)) {
    assert.equal((await client.complete()).body.toString(), 'main');
    client.connection.close();
  }
  proved(3);
});

test('connections to upstream servers count', async (t) => {
  const lab = await startLab(t, { connections: 6 });
  const target = { port: lab.port };
  const release = hold(lab.upstream, t);
  const waiting: RawConnection[] = [];
  for (let i = 0; i < 3; i += 1) {
    const client = await RawConnection.open(target);
    t.after(() => client.close());
    await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('the request', () => lab.upstream.requests.length === i + 1);
    waiting.push(client);
  }
  assert.equal(await tryRequest(target, '/own'), null);
  await saysNotEnough(lab, 6);
  release();
  for (const client of waiting) assert.equal((await client.response()).body.toString(), 'main');
  await eventually('room', async () => (await tryRequest(target, '/own'))?.status === 200);
  proved();
});

test('no connection left for the upstream: 500, and the server is not blamed', async (t) => {
  const lab = await startLab(t, { connections: 6 });
  const target = { port: lab.port };
  const clients = await BusyClient.openMany(6, target, t);
  const refused = await clients[0]?.complete();
  assert.equal(refused?.status, 500);
  await saysNotEnough(lab, 6, ' while connecting to upstream');
  assert.match(lab.running.errorLog(), /\[alert\] .*RESOURCES_EXHAUSTED: 6 worker_connections/);
  clients[1]?.connection.close();
  clients[2]?.connection.close();
  const served = await eventually('room', async () => {
    const answer = await tryRequest(target);
    return answer?.status === 200 ? answer : null;
  });
  assert.equal(served.body.toString(), 'main');
  assert.deepEqual(lab.spare.requests, []);
  proved();
});

test('the clients that have been idle the longest make room for new ones', async (t) => {
  const lab = await startLab(t, { connections: 8 });
  const target = { port: lab.port };
  const idle: RawConnection[] = [];
  const gone: number[] = [];
  for (let i = 0; i < 7; i += 1) {
    const client = await RawConnection.open(target);
    client.socket.once('close', () => gone.push(i));
    t.after(() => client.close());
    assert.equal((await client.request({ path: '/own' })).status, 200);
    idle.push(client);
  }
  // Idle for less long than the others from here on.
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await idle[0]?.request({ path: '/own' }))?.status, 200);
  for (let i = 0; i < 4; i += 1) await BusyClient.open(target, '/', t);
  await eventually('closed', () => gone.length >= 3);
  assert.ok(!gone.includes(0));
  assert.equal((await idle[0]?.request({ path: '/own' }))?.status, 200);
  await saysNotEnough(lab, 8, ', reusing connections');
  proved(4);
});

test('idle upstream connections make room where no client is idle', async (t) => {
  const lab = await startLab(t, { connections: 6 });
  const target = { port: lab.port };
  const release = hold(lab.upstream, t);
  const clients = await BusyClient.openMany(3, target, t);
  const answers = clients.map((client) => client.complete());
  await eventually('three requests', () => lab.upstream.requests.length === 3);
  release();
  await Promise.all(answers);
  assert.equal(lab.upstream.connectionCount, 3);
  for (const client of clients) client.connection.close();
  // Three idle connections to the upstream are left of six.
  const others = await BusyClient.openMany(5, target, t);
  await saysNotEnough(lab, 6, ', reusing connections');
  for (const other of others) assert.equal((await other.complete()).status, 200);
  proved(2);
});

test('keepalive_min_timeout: such a client does not make room', async (t) => {
  const lab = await startLab(t, { connections: 4, http: 'keepalive_min_timeout 1h;' });
  const target = { port: lab.port };
  const idle: RawConnection[] = [];
  for (let i = 0; i < 4; i += 1) {
    const client = await RawConnection.open(target);
    t.after(() => client.close());
    assert.equal((await client.request({ path: '/own' })).status, 200);
    idle.push(client);
  }
  assert.equal(await tryRequest(target, '/own'), null);
  for (const client of idle) assert.equal((await client.request({ path: '/own' })).status, 200);
  proved();
});

test('handshakes that do not begin, or do not end, count', async (t) => {
  const certificates = await testPki();
  const { certificate, key } = certificates.a;
  const listen = ` ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
  const lab = await startLab(t, { connections: 4, listen });
  const tls = { ca: certificates.ca, servername: 'a.test' };
  const silent: RawConnection[] = [];
  for (const first of ['', '\x16', '\x16\x03\x01\x01', '\x16\x03\x01\x01\x00\x01']) {
    const client = await RawConnection.open({ port: lab.port });
    t.after(() => client.close());
    if (first !== '') await client.send(first);
    silent.push(client);
  }
  assert.equal(await tryRequest({ port: lab.port, tls }, '/own'), null);
  await saysNotEnough(lab, 4);
  for (const client of silent.slice(0, 2)) client.close();
  await eventually('room', async () => {
    return (await tryRequest({ port: lab.port, tls }, '/own'))?.status === 200;
  });
  proved(4);
});

test('PROXY headers that do not come count', async (t) => {
  const lab = await startLab(t, { connections: 4, listen: ' proxy_protocol;' });
  const silent: RawConnection[] = [];
  for (const first of ['', 'P', 'PROXY TCP4 1.2.3.4', '\r\n\r\n\0\r\nQU']) {
    const client = await RawConnection.open({ port: lab.port });
    t.after(() => client.close());
    if (first !== '') await client.send(first);
    silent.push(client);
  }
  await (await RawConnection.open({ port: lab.port })).closed().catch(() => undefined);
  await saysNotEnough(lab, 4);
  for (const client of silent) client.close();
  await eventually('room', async () => {
    const client = await RawConnection.open({ port: lab.port });
    t.after(() => client.close());
    await client.send('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /own HTTP/1.1\r\nHost: a\r\n\r\n');
    return client.response().then(
      ({ status }) => status === 200,
      () => false,
    );
  });
  proved(4);
});

test('limit_conn: one address has its share, others have theirs', async (t) => {
  const http = 'limit_conn_zone $binary_remote_addr zone=per:64k; limit_conn per 2;';
  const lab = await startLab(t, { connections: 64, http });
  const clients = await BusyClient.openMany(2, { port: lab.port }, t);
  assert.equal((await request({ port: lab.port })).status, 503);
  const other = await RawConnection.open({ port: lab.port, localAddress: '127.0.0.2' });
  t.after(() => other.close());
  assert.equal((await other.request()).status, 200);
  for (const client of clients) assert.equal((await client.complete()).status, 200);
  assert.equal((await request({ port: lab.port })).status, 200);
  proved();
});
