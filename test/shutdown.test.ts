// The end of a proxy and the change of its configuration while it serves: what is under way is
// finished, what is idle is closed, and no request is lost; also with worker threads, and when one
// of them dies.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import type { RunningProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';

const pki = await testPki();

interface Site {
  readonly port: number;
  readonly tlsPort: number;
  readonly address: string;
  /** What `/answer` says. */
  readonly says: string;
  readonly workers: number;
}

const config = ({ port, tlsPort, address, says, workers }: Site): string => `
${workers === 0 ? 'master_process off' : `master_process on; worker_processes ${workers}`};
error_log error.log info;
events { }
http {
  access_log access.log;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location / { proxy_pass http://${address}; }
    location /streamed { proxy_pass http://${address}; proxy_request_buffering off; }
    location /answer { return 200 "${says}"; }
    location /upgrade {
      proxy_pass http://${address};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}`;

interface Setup {
  readonly port: number;
  readonly tlsPort: number;
  readonly running: RunningProxy;
  readonly upstream: RecordingUpstream;
  /** Answers the requests that wait. */
  release(): void;
  /** Reloads with what `/answer` is to say, or with the text given. */
  reload(says: string, text?: string): Promise<void>;
}

/** Requests to /wait are answered when the test releases them. */
async function setup(scope: Scope, workers = 0): Promise<Setup> {
  const waiting: (() => void)[] = [];
  const upstream = await RecordingUpstream.start(
    {
      answer: async (received, socket) => {
        if (received.target === '/wait') {
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
        if (received.target === '/upgrade') {
          socket.removeAllListeners('data');
          socket.on('data', (chunk: Buffer) => socket.write(chunk));
          socket.on('end', () => socket.end());
          return { raw: 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n' };
        }
        return { body: received.target };
      },
    },
    scope,
  );
  const [port, tlsPort] = [await freePort(), await freePort()];
  const site = { port, tlsPort, address: upstream.address, says: 'old', workers };
  const running = await startProxy(config(site), { scope });
  const file = path.join(running.folder, 'sallyport.conf');
  return {
    port,
    tlsPort,
    running,
    upstream,
    release: () => waiting.splice(0).forEach((resolve) => resolve()),
    reload: (says, text = config({ ...site, says })) =>
      running.proxy.reload({ file, text, prefix: running.folder }),
  };
}

const tls = { ca: pki.ca, servername: 'b.test' };

async function waits(client: RawConnection, upstream: RecordingUpstream): Promise<void> {
  const before = upstream.requests.length;
  await client.send('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('the request', () => upstream.requests.length > before);
}

async function tunnel(port: number): Promise<RawConnection> {
  const client = await RawConnection.open({ port });
  const headers = { Connection: 'upgrade', Upgrade: 'x' };
  assert.equal((await client.request({ path: '/upgrade', headers })).status, 101);
  return client;
}

// What comes while the last of the queue is taken is still served.
async function refuses(port: number): Promise<void> {
  await eventually('the end of accepting', () =>
    RawConnection.open({ port }).then(
      (connection) => {
        connection.close();
        return false;
      },
      () => true,
    ),
  );
}

async function echoes(client: RawConnection): Promise<void> {
  await client.send('echo');
  assert.equal((await client.bytes(4)).toString(), 'echo');
}

for (const workers of [0, 2]) {
  const where = workers === 0 ? 'in one thread' : 'with worker threads';

  test(`quit finishes what is under way, and closes the rest: ${where}`, async (t) => {
    const { port, tlsPort, running, upstream, release } = await setup(t, workers);
    const busy = await RawConnection.open({ port });
    const secret = await RawConnection.open({ port: tlsPort, tls });
    const idle = await RawConnection.open({ port });
    const idleTls = await RawConnection.open({ port: tlsPort, tls });
    await waits(busy, upstream);
    await waits(secret, upstream);
    for (const one of [idle, idleTls]) {
      assert.equal((await one.request({ path: '/answer' })).body.toString(), 'old');
    }
    let over = false;
    const quit = running.proxy.quit().then(() => (over = true));
    assert.equal((await idle.closed()).length, 0);
    assert.equal((await idleTls.closed()).length, 0);
    await refuses(port);
    assert.equal(over, false);
    release();
    for (const one of [busy, secret]) {
      const answer = await one.response();
      assert.equal(answer.body.toString(), '/wait');
      assert.deepEqual(
        answer.headers.find(([name]) => name === 'Connection'),
        ['Connection', 'close'],
      );
      await one.closed();
      one.close();
    }
    await quit;
    assert.equal(upstream.requests.length, 2);
  });

  test(`quit waits for upgraded connections: ${where}`, async (t) => {
    const { port, running } = await setup(t, workers);
    const upgraded = await tunnel(port);
    let over = false;
    const quit = running.proxy.quit().then(() => (over = true));
    await refuses(port);
    await echoes(upgraded);
    assert.equal(over, false);
    upgraded.end();
    assert.equal((await upgraded.closed()).length, 0);
    await quit;
  });

  test(`close ends everything at once: ${where}`, async (t) => {
    const { port, running, upstream } = await setup(t, workers);
    const busy = await RawConnection.open({ port });
    await waits(busy, upstream);
    const upgraded = await tunnel(port);
    await running.proxy.close();
    await busy.closed().catch(() => undefined);
    await upgraded.closed().catch(() => undefined);
    await assert.rejects(RawConnection.open({ port }));
  });

  test(`a reload loses nothing: ${where}`, async (t) => {
    const { port, tlsPort, upstream, release, reload } = await setup(t, workers);
    const busy = await RawConnection.open({ port });
    const secret = await RawConnection.open({ port: tlsPort, tls });
    await waits(busy, upstream);
    await waits(secret, upstream);
    const kept = await RawConnection.open({ port });
    assert.equal((await kept.request({ path: '/answer' })).body.toString(), 'old');
    const half = await RawConnection.open({ port });
    await half.send('GET /answer HTTP/1.1\r\nHo');
    const upload = await RawConnection.open({ port });
    await upload.send('POST /streamed HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab');
    const upgraded = await tunnel(port);
    await reload('new');
    // New requests see the new configuration, on connections of before, too.
    assert.equal((await kept.request({ path: '/answer' })).body.toString(), 'new');
    assert.equal((await request({ port, path: '/answer' })).body.toString(), 'new');
    await half.send('st: x\r\n\r\n');
    assert.equal((await half.response()).body.toString(), 'new');
    await upload.send('cd');
    assert.equal((await upload.response()).body.toString(), '/streamed');
    await echoes(upgraded);
    release();
    for (const one of [busy, secret]) {
      assert.equal((await one.response()).body.toString(), '/wait');
      assert.equal((await one.request({ path: '/answer' })).body.toString(), 'new');
    }
    await echoes(upgraded);
    for (const one of [busy, secret, kept, half, upload, upgraded]) one.close();
  });

  test(`a broken reload changes nothing: ${where}`, async (t) => {
    const { port, running, reload } = await setup(t, workers);
    const kept = await RawConnection.open({ port });
    await kept.request({ path: '/answer' });
    const texts = [
      'http { nonsense on; }',
      `http { server { listen 127.0.0.1:${port}; location / { proxy_pass https://127.0.0.1:1; proxy_ssl_trusted_certificate /none; } } }`,
      'events {',
    ];
    for (const text of texts) await assert.rejects(reload('', text));
    assert.equal((await kept.request({ path: '/answer' })).body.toString(), 'old');
    assert.equal((await request({ port, path: '/answer' })).body.toString(), 'old');
    assert.ok(running.proxy.configuration?.ok);
    kept.close();
  });

  test(`no request is lost under load while the configuration changes: ${where}`, async (t) => {
    const { port, tlsPort, reload } = await setup(t, workers);
    let stop = false;
    let answered = 0;
    const client = async (index: number): Promise<void> => {
      const target = index % 3 === 0 ? { port: tlsPort, tls } : { port };
      let connection = await RawConnection.open(target);
      for (let i = 0; !stop; i += 1) {
        const options =
          i % 4 === 0
            ? { method: 'POST', path: `/p${index}-${i}`, body: 'x'.repeat(i * 100) }
            : { path: `/${index}-${i}` };
        const answer = await connection.request(options);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.toString(), options.path);
        answered += 1;
        if (i % 10 === 9) {
          connection.close();
          connection = await RawConnection.open(target);
        }
      }
      connection.close();
    };
    const clients = Array.from({ length: 8 }, (_, i) => client(i));
    const changes = (async () => {
      for (let i = 0; i < 8; i += 1) {
        await sleep(100);
        await reload(`state ${i}`);
      }
      stop = true;
    })();
    await Promise.all([...clients, changes]);
    assert.ok(answered >= 100, `${answered} requests`);
    assert.equal((await request({ port, path: '/answer' })).body.toString(), 'state 7');
  });
}

test('quit waits for an answer that a slow client is still reading', async (t) => {
  const body = Buffer.alloc(8_000_000, 'x');
  const { port, running, upstream } = await setup(t);
  upstream.answer = { body };
  for (const headers of [{}, { Connection: 'close' }]) {
    const client = await RawConnection.open({ port });
    client.socket.pause();
    const before = upstream.requests.length;
    await client.send(
      `GET / HTTP/1.1\r\nHost: x\r\n${'Connection' in headers ? 'Connection: close\r\n' : ''}\r\n`,
    );
    await eventually('the request', () => upstream.requests.length > before);
    await sleep(100);
    if ('Connection' in headers) {
      const quit = running.proxy.quit();
      await sleep(100);
      client.socket.resume();
      assert.equal((await client.response()).body.length, body.length);
      await client.closed();
      await quit;
    } else {
      client.socket.resume();
      assert.equal((await client.response()).body.length, body.length);
    }
    client.close();
  }
});

test('a head that has begun is still answered after quit', async (t) => {
  const { port, running } = await setup(t);
  const client = await RawConnection.open({ port });
  await client.send('GET /answer HTTP/1.1\r\nHost');
  await sleep(50);
  const quit = running.proxy.quit();
  await sleep(50);
  await client.send(': x\r\n\r\n');
  assert.equal((await client.response()).body.toString(), 'old');
  await client.closed();
  await quit;
  client.close();
});

test('worker_shutdown_timeout ends a quit that would last', async (t) => {
  const silent = await startRawServer(() => undefined, { scope: t });
  const port = await freePort();
  const running = await startProxy(
    `worker_shutdown_timeout 200ms; http { server { listen 127.0.0.1:${port};
      location / { proxy_pass http://${silent.address}; } } }`,
    { scope: t },
  );
  const client = await RawConnection.open({ port });
  await client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('the connection', () => silent.sockets.length === 1);
  await running.proxy.quit();
  await client.closed().catch(() => undefined);
});

test('connections to upstream servers are closed when the proxy has ended', async (t) => {
  const server = await startRawServer(
    (socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
      socket.on('end', () => socket.end());
    },
    { scope: t },
  );
  const port = await freePort();
  const running = await startProxy(
    `http { server { listen 127.0.0.1:${port}; location / { proxy_pass http://${server.address}; } } }`,
    { scope: t },
  );
  await request({ port });
  assert.equal(server.closed, 0);
  await running.proxy.quit();
  await eventually('the close', () => server.closed === 1);
});

test('a worker that dies is replaced, and costs only its own connections', async (t) => {
  const workers: Worker[] = [];
  const note = (worker: Worker): void => void workers.push(worker);
  process.on('worker', note);
  t.after(() => process.off('worker', note));
  const { port, running } = await setup(t, 2);
  assert.equal(workers.length, 2);
  // Both workers have connections; which of them accepts which is the kernel's choice.
  const clients = await Promise.all(Array.from({ length: 40 }, () => RawConnection.open({ port })));
  for (const client of clients) await client.request({ path: '/answer' });
  const died = new Promise<number>((resolve) => running.proxy.once('workerDied', resolve));
  await workers[0]?.terminate();
  await died;
  const states = await Promise.all(
    clients.map((client) =>
      client.request({ path: '/answer' }).then(
        (answer) => answer.status,
        () => 'lost',
      ),
    ),
  );
  assert.ok(states.includes(200), 'the other worker goes on');
  assert.ok(states.includes('lost'), 'connections end with their worker');
  clients.forEach((client) => client.close());
  await eventually('the new worker', () => workers.length === 3);
  for (let i = 0; i < 20; i += 1) {
    assert.equal((await request({ port, path: '/answer' })).status, 200);
  }
  await eventually('the line', () => /worker \d+ died/.test(running.errorLog()));
});
