// `limit_req` and `limit_conn` with two workers under load: what passes is what one zone lets pass,
// and nothing is lost when a worker dies.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { eventually } from './kit/eventually.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';

const twoWorkers = 'master_process on; worker_processes 2; daemon off;';

/** Counts of answers by status, over several connections that each ask one thing after the other. */
async function load(port: number, path: string, total: number): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  let left = total;
  const ask = async (): Promise<void> => {
    const connection = await RawConnection.open({ port, limitMs: 30_000 });
    while (left > 0) {
      left -= 1;
      const { status } = await connection.request({ path });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: 16 }, ask));
  return statuses;
}

test('limit_req lets as many requests pass as one zone allows', { timeout: 120_000 }, async (t) => {
  const [port = 0] = await freePorts(1);
  await startProxy(
    `${twoWorkers} error_log error.log crit; http {
       limit_req_zone $uri zone=fixed:1m rate=1r/m;
       limit_req_zone $uri zone=flow:1m rate=100r/s;
       keepalive_requests 1000000;
       server { listen 127.0.0.1:${port};
         location /fixed { limit_req zone=fixed burst=499 nodelay; try_files /none =204; }
         location /flow { limit_req zone=flow burst=400 nodelay; try_files /none =204; }
         location /both { limit_req zone=fixed burst=199 nodelay; limit_req zone=flow burst=300 nodelay; try_files /none =204; }
       } }`,
    { scope: t },
  );
  // Nothing is earned while it runs: the number is exact, to the one that a minute gives.
  const fixed = await load(port, '/fixed', 5_000);
  const passed = fixed.get(204) ?? 0;
  assert.ok(passed === 500 || passed === 501, `${passed} passed`);
  assert.equal(passed + (fixed.get(503) ?? 0), 5_000);
  const both = (await load(port, '/both', 2_000)).get(204) ?? 0;
  assert.ok(both === 200 || both === 201, `${both} passed both`);
  // What is earned meanwhile passes too: not more, and, as more is asked for all the time, not less.
  const startedAt = performance.now();
  const flow = (await load(port, '/flow', 10_000)).get(204) ?? 0;
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(flow <= 401 + Math.ceil(seconds * 100) + 1, `${flow} in ${seconds} s`);
  // A machine that stands still for a moment may leave the last of it unused.
  assert.ok(flow >= 401 + Math.floor((seconds - 1) * 100), `${flow} in ${seconds} s`);
});

interface Slow {
  /** Requests at the upstream at this moment, and at most at a time. */
  now: number;
  most: number;
  readonly answer: (() => void)[];
}

async function setup(
  t: TestContext,
  holds: boolean,
): Promise<{ port: number; slow: Slow; proxy: RunningProxy }> {
  const slow: Slow = { now: 0, most: 0, answer: [] };
  const server = await startRawServer(
    (socket) => {
      socket.on('end', () => socket.end());
      socket.on('data', () => {
        slow.now += 1;
        slow.most = Math.max(slow.most, slow.now);
        const answer = (): void => {
          slow.now -= 1;
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        };
        if (holds) slow.answer.push(answer);
        else setTimeout(answer, 2);
      });
    },
    { scope: t },
  );
  const [port = 0] = await freePorts(1);
  const proxy = await startProxy(
    `${twoWorkers} error_log error.log notice; http {
       limit_conn_zone $arg_key zone=key:1m;
       limit_conn_log_level info;
       keepalive_requests 1000000;
       server { listen 127.0.0.1:${port};
         location / { limit_conn key 5; proxy_pass http://${server.address}; }
         location /status { stub_status; }
       } }`,
    { scope: t },
  );
  return { port, slow, proxy };
}

test(
  'limit_conn lets as many requests be under way as one zone allows',
  { timeout: 120_000 },
  async (t) => {
    const { port, slow } = await setup(t, false);
    const statuses = await load(port, '/?key=a', 8_000);
    assert.equal(slow.most, 5);
    assert.equal((statuses.get(200) ?? 0) + (statuses.get(503) ?? 0), 8_000);
    assert.ok((statuses.get(200) ?? 0) >= 5);
    // All places have been given back: five requests one after the other would show only one.
    await eventually('the end of all', () => slow.now === 0);
    slow.most = 0;
    await load(port, '/?key=a', 2_000);
    assert.equal(slow.most, 5);
  },
);

test('what a worker held when it died is given back', { timeout: 60_000 }, async (t) => {
  const workers: Worker[] = [];
  const note = (worker: Worker): void => void workers.push(worker);
  process.on('worker', note);
  t.after(() => process.off('worker', note));
  const { port, slow, proxy } = await setup(t, true);
  const held: RawConnection[] = [];
  while (slow.answer.length < 5) {
    const connection = await RawConnection.open({ port });
    held.push(connection);
    await connection.send('GET /?key=a HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('the request', () => slow.answer.length === held.length);
  }
  assert.equal((await request({ port, path: '/?key=a' })).status, 503);
  for (const worker of workers.slice(0, 2)) {
    const died = new Promise((resolve) => proxy.proxy.once('workerDied', resolve));
    await worker.terminate();
    await died;
  }
  await eventually('the new workers', () => workers.length === 4);
  slow.answer.length = 0;
  const again: RawConnection[] = [];
  for (let i = 0; i < 5; i += 1) {
    const connection = await eventually('a connection', () =>
      RawConnection.open({ port }).catch(() => null),
    );
    again.push(connection);
    await connection.send('GET /?key=a HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('the request', () => slow.answer.length === i + 1);
  }
  assert.equal((await request({ port, path: '/?key=a' })).status, 503);
  // The connections of the dead are not counted any more.
  await eventually('the count', async () => {
    const { body } = await request({ port, path: '/status' });
    return body.toString().startsWith('Active connections: 6 \n');
  });
  for (const connection of [...held, ...again]) connection.close();
});
