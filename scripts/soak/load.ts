// The clients of a soak run. Each kind is one loop that goes on until it is told to stop; together
// they do what clients do: keep connections, open new ones, upload, download, leave in the middle.

import { setTimeout as sleep } from 'node:timers/promises';
import { RawConnection, formatRequest } from '../../test/kit/raw-client.ts';
import type { RequestOptions, Target } from '../../test/kit/raw-client.ts';

/** Where the clients go, and what they have done. */
export interface Load {
  readonly plain: Target;
  readonly tls: Target;
  stopped: boolean;
  /** Clients wait before their next round as long as it is set. */
  paused: boolean;
  /** How many are in the middle of a round. */
  busy: number;
  /** Milliseconds between two rounds of a client. */
  readonly restMs: number;
  /** By kind: how many rounds were done, and how many ended otherwise than they should. */
  readonly done: Record<string, number>;
  readonly failed: Record<string, number>;
  lastFailure: string;
}

type Round = (load: Load, round: number) => Promise<void>;

const upload = Buffer.alloc(400_000, 'z');
const either = (load: Load, round: number): Target => (round % 2 === 0 ? load.plain : load.tls);

async function withConnection(
  target: Target,
  use: (client: RawConnection) => Promise<void>,
): Promise<void> {
  const client = await RawConnection.open(target);
  try {
    await use(client);
  } finally {
    client.close();
  }
}

async function expectStatus(
  client: RawConnection,
  options: RequestOptions,
  status = 200,
): Promise<void> {
  const answer = await client.request(options);
  if (answer.status !== status) throw new Error(`${options.path ?? ''}: ${answer.status}`);
}

const keepalive: Round = (load, round) =>
  withConnection(either(load, round), async (client) => {
    for (let i = 0; i < 50; i += 1) {
      await expectStatus(client, { path: `/a/small?${i}`, method: i % 9 === 0 ? 'HEAD' : 'GET' });
    }
  });

const handshakes: Round = (load) =>
  withConnection(load.tls, (client) => expectStatus(client, { path: '/a/small' }));

const uploads: Round = (load, round) =>
  withConnection(either(load, round), async (client) => {
    const body = upload.subarray(0, (round * 7919) % upload.length);
    for (const path of ['/a/sink', '/streamed/sink']) {
      await expectStatus(client, { method: 'POST', path, body });
      const headers = { 'Transfer-Encoding': 'chunked' };
      await expectStatus(client, { method: 'PUT', path, headers, body });
    }
  });

const downloads: Round = (load, round) =>
  withConnection(either(load, round), async (client) => {
    await expectStatus(client, { path: '/a/large' });
    await expectStatus(client, { path: '/unbuffered/chunked' });
    await expectStatus(client, { path: '/a/chunked', version: '1.0' });
  });

const failures: Round = (load, round) =>
  withConnection(either(load, round), async (client) => {
    await expectStatus(client, { path: '/a/error' }, 503);
    await expectStatus(client, { path: '/a/reset' }, 502);
    await expectStatus(client, { path: '/retried/small' });
    await expectStatus(client, { path: '/unverified/small' }, 502);
    if (round % 5 === 0) await expectStatus(client, { path: '/a/silent' }, 504);
    await client.send(formatRequest({ path: '/a/short' }));
    await client.closed().catch(() => undefined);
  });

const earlyAnswers: Round = (load, round) =>
  withConnection(either(load, round), async (client) => {
    const path = round % 4 < 2 ? '/a/early' : '/streamed/early';
    client.send(formatRequest({ method: 'POST', path, body: upload })).catch(() => undefined);
    // Where the server closes before it has read the body, the answer may be lost: 403 or 502.
    await client.response().catch(() => undefined);
  });

const nonsense: Round = (load, round) =>
  withConnection(either(load, round), async (client) => {
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    await client.closed().catch(() => undefined);
  });

// What has been sent, and for how long the client waits, when it leaves.
const abortedRequests: readonly [bytes: string | Buffer, waitMs: number][] = [
  ['', 0],
  ['GET /a/sm', 0],
  [formatRequest({ path: '/a/small' }), 0],
  [formatRequest({ path: '/a/silent' }), 30],
  [formatRequest({ path: '/a/large' }), 1],
  [formatRequest({ path: '/unbuffered/large' }), 5],
  [formatRequest({ path: '/patient/large' }), 1],
  [formatRequest({ method: 'POST', path: '/a/sink', body: upload }).subarray(0, 100_000), 5],
  [formatRequest({ method: 'POST', path: '/streamed/sink', body: upload }).subarray(0, 90_000), 5],
  [formatRequest({ method: 'POST', path: '/patient/sink', body: upload }).subarray(0, 90_000), 5],
];

const aborts: Round = (load, round) =>
  withConnection(either(load, round), async (client) => {
    const [bytes, waitMs] = abortedRequests[(round >> 2) % abortedRequests.length] ?? ['', 0];
    client.socket.pause();
    await client.send(bytes);
    if (waitMs > 0) await sleep(waitMs);
    if (round % 4 === 0) client.reset();
  });

const websockets: Round = (load, round) =>
  withConnection(either(load, round), async (client) => {
    await client.send(
      'GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    );
    await client.response();
    for (let i = 0; i < 5; i += 1) {
      await client.send(upload.subarray(0, 3_000));
      await client.bytes(3_000);
    }
    if (round % 4 < 2) {
      client.end();
      await client.closed();
    } else if (round % 4 === 2) {
      client.reset();
    }
  });

const kinds: Readonly<Record<string, readonly [round: Round, clients: number]>> = {
  keepalive: [keepalive, 3],
  handshakes: [handshakes, 2],
  uploads: [uploads, 2],
  downloads: [downloads, 2],
  failures: [failures, 1],
  earlyAnswers: [earlyAnswers, 1],
  nonsense: [nonsense, 1],
  aborts: [aborts, 3],
  websockets: [websockets, 2],
};

async function repeat(load: Load, name: string, round: Round, first: number): Promise<void> {
  for (let i = first; !load.stopped; i += 1) {
    load.busy += 1;
    try {
      await round(load, i);
      load.done[name] = (load.done[name] ?? 0) + 1;
    } catch (error) {
      load.failed[name] = (load.failed[name] ?? 0) + 1;
      load.lastFailure = `${name}: ${String(error)}`;
    }
    load.busy -= 1;
    await sleep(load.restMs);
    while (load.paused && !load.stopped) await sleep(50);
  }
}

/** Runs all clients until `load.stopped`; resolves when the last one is done. */
export async function runLoad(load: Load): Promise<void> {
  const loops = Object.entries(kinds).flatMap(([name, [round, clients]]) =>
    Array.from({ length: clients }, (_, i) => repeat(load, name, round, i * 7)),
  );
  await Promise.all(loops);
}
