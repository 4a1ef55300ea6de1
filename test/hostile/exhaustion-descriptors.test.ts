// Fewer descriptors than connections: idle clients make room before the last one is gone, then new
// ones are turned away with a word of it in the log; nothing crashes, no server is blamed, and all is
// as before once there are descriptors again. The program is a process of its own with a small
// RLIMIT_NOFILE.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { eventually } from '../kit/eventually.ts';
import { freePort } from '../kit/ports.ts';
import { startProgram, type RunningProgram } from '../kit/program.ts';
import { RawConnection } from '../kit/raw-client.ts';
import { RecordingUpstream, type Answer } from '../kit/recording-upstream.ts';
import { BusyClient, tryRequest } from './kit/busy-client.ts';
import { proved } from './kit/proved.ts';

/** Enough for Node.js itself, a worker thread and some clients. */
const openFiles = 112;

interface Lab {
  readonly port: number;
  readonly main: RecordingUpstream;
  readonly spare: RecordingUpstream;
  readonly program: RunningProgram;
}

async function startLab(t: TestContext): Promise<Lab> {
  const port = await freePort();
  const main = await RecordingUpstream.start({ answer: { body: 'main' } }, t);
  const spare = await RecordingUpstream.start({ answer: { body: 'spare' } }, t);
  const program = await startProgram(
    `worker_processes 1;
    events { worker_connections 1000; }
    http {
      access_log off; proxy_http_version 1.1; proxy_set_header Connection "";
      client_body_buffer_size 1k;
      upstream group {
        server ${main.address} max_fails=1 fail_timeout=1h;
        server ${spare.address} backup;
      }
      server {
        listen 127.0.0.1:${port};
        location / { proxy_pass http://group; }
        location /own { return 200 own; }
      }
    }`,
    { scope: t, launcher: ['prlimit', `--nofile=${openFiles}:${openFiles}`] },
  );
  return { port, main, spare, program };
}

function descriptors({ program }: Lab): number {
  return readdirSync(`/proc/${program.pid}/fd`).length;
}

/** Opens busy clients until one is turned away. */
async function fill(target: { port: number }, t: TestContext): Promise<BusyClient[]> {
  const clients: BusyClient[] = [];
  for (;;) {
    const client = await BusyClient.open(target, '/', t).catch(() => null);
    if (client === null) return clients;
    clients.push(client);
    assert.ok(clients.length < openFiles);
  }
}

test('without descriptors clients are turned away, and the log says why', async (t) => {
  const lab = await startLab(t);
  const target = { port: lab.port };
  const before = descriptors(lab);
  const clients = await fill(target, t);
  assert.ok(clients.length > 10);
  assert.ok(descriptors(lab) < openFiles, 'some are left for logs and upstream connections');
  await eventually('the word', () =>
    /\[alert\] .*open files are near their limit \(worker_rlimit_nofile\)/.test(
      lab.program.errorLog(),
    ),
  );
  // Those that are there are served, and what they need is there as well.
  for (const client of clients.slice(0, 4)) {
    const answer = await client.complete();
    assert.equal(`${answer.status} ${answer.body.toString()}`, '200 main');
  }
  for (const client of clients) client.connection.close();
  await eventually('room', async () => (await tryRequest(target))?.body.toString() === 'main');
  // Upstream connections may be kept.
  await eventually('descriptors to come back', () => descriptors(lab) <= before + 32);
  assert.deepEqual(lab.spare.requests, []);
  proved(2);
});

test('idle clients make room: however many come, each is served', async (t) => {
  const lab = await startLab(t);
  const target = { port: lab.port };
  const clients: RawConnection[] = [];
  let closed = 0;
  for (let i = 0; i < openFiles * 2; i += 1) {
    const client = await RawConnection.open(target);
    client.socket.once('close', () => (closed += 1));
    t.after(() => client.close());
    assert.equal((await client.request({ path: '/own' })).status, 200, `client ${i}`);
    clients.push(client);
  }
  assert.ok(closed > 0);
  assert.ok(descriptors(lab) < openFiles);
  assert.match(lab.program.errorLog(), /\[warn\] .*open files are near .*, reusing connections/);
  assert.doesNotMatch(lab.program.errorLog(), /\[alert\]/);
  proved();
});

test('no descriptor for the upstream: 500, the server is not blamed, and it recovers', async (t) => {
  const lab = await startLab(t);
  const target = { port: lab.port };
  const { promise, resolve } = Promise.withResolvers<undefined>();
  t.after(() => resolve(undefined));
  lab.main.answer = async (): Promise<Answer> => {
    await promise;
    return { body: 'main' };
  };
  const clients = await fill(target, t);
  const answers = clients.map((client) => client.complete().catch(() => null));
  const refused = 'RESOURCES_EXHAUSTED: socket() failed (24: Too many open files)';
  await eventually('the word', () => lab.program.errorLog().includes(refused));
  assert.match(
    lab.program.errorLog(),
    /\[alert\] .*Too many open files\); raise worker_rlimit_nofile/,
  );
  resolve(undefined);
  const statuses = (await Promise.all(answers)).map((answer) => answer?.status);
  assert.ok(statuses.includes(200));
  assert.ok(statuses.includes(500));
  assert.deepEqual([...new Set(statuses)].sort(), [200, 500]);
  for (const client of clients) client.connection.close();
  await eventually('room', async () => (await tryRequest(target))?.body.toString() === 'main');
  assert.deepEqual(lab.spare.requests, []);
  proved(2);
});

test('no descriptor for a temporary file: 500, and it recovers', async (t) => {
  const lab = await startLab(t);
  const target = { port: lab.port };
  const { promise, resolve } = Promise.withResolvers<undefined>();
  t.after(() => resolve(undefined));
  lab.main.answer = async (): Promise<Answer> => {
    await promise;
    return { body: 'main' };
  };
  const body = 'x'.repeat(5000);
  const large: BusyClient[] = [];
  while (large.length < 24) large.push(await BusyClient.open(target, '/', t, body));
  const others = await fill(target, t);
  const answers = large.map((client) => client.complete());
  await eventually('the word', () =>
    /request body can't be buffered: open\(\) ".*" failed \(24: Too many open files\); raise/.test(
      lab.program.errorLog(),
    ),
  );
  resolve(undefined);
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.ok(statuses.includes(500));
  for (const client of [...large, ...others]) client.connection.close();
  const next = await eventually('room', () => BusyClient.open(target, '/', t, body));
  assert.equal((await next.complete()).body.toString(), 'main');
  assert.deepEqual(lab.spare.requests, []);
  proved();
});
