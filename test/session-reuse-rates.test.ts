// How many connections are resumed in a steady state, on both doors: nearly all, or the caches and
// keys are of no use. Counted by both ends, for they may disagree.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { startProgram, type RunningProgram } from './kit/program.ts';
import { RawConnection } from './kit/raw-client.ts';
import { ResumingClient, type Visit } from './kit/resuming-client.ts';
import { startProxy } from './kit/sallyport.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';
import { nodePeer } from './kit/tls-peers.ts';

const pki = await testPki();
const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const steadyRate = 0.99;

function assertSteady(resumed: readonly boolean[], what: string): void {
  const rate = resumed.filter(Boolean).length / resumed.length;
  assert.ok(rate >= steadyRate, `${what}: ${(rate * 100).toFixed(1)} % of ${resumed.length}`);
}

// ---- upstream

interface Door {
  /** `r` or `.` for each request, in order. */
  reused(count: number): Promise<string[]>;
  /** Asks so often over each of so many client connections at a time. */
  ask(times: number, side?: number): Promise<string[]>;
}

// Without idle connections each request is a connection of its own to the upstream.
async function startDoor(t: TestContext, address: string): Promise<Door> {
  const port = await freePort();
  const proxy = await startProxy(
    `http { log_format reuse "$upstream_ssl_reused"; access_log access.log reuse;
      keepalive_requests 100000; upstream g { server ${address} max_fails=0; keepalive 0; }
      proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_name a.test;
      server { listen 127.0.0.1:${port}; location / { proxy_pass https://g; } } }`,
    { scope: t },
  );
  const one = async (times: number): Promise<string[]> => {
    const client = await RawConnection.open({ port });
    const bodies: string[] = [];
    for (let i = 0; i < times; i += 1) {
      const { status, body } = await client.request({ path: '/' });
      assert.equal(status, 200);
      bodies.push(body.toString());
    }
    client.close();
    return bodies;
  };
  return {
    reused: (count) =>
      eventually(`line ${count} of the access log`, () => {
        const lines = proxy.accessLog().split('\n').slice(0, -1);
        return lines.length >= count ? lines : null;
      }),
    ask: async (times, side = 1) =>
      (await Promise.all(Array.from(Array(side), () => one(times)))).flat(),
  };
}

for (const version of versions) {
  const tls = { ...pki.a.tls, minVersion: version, maxVersion: version };

  test(`new connections to an upstream of ${version} are resumed but for the first`, async (t) => {
    const peer = await nodePeer(tls, t);
    const door = await startDoor(t, peer.address);
    await door.ask(300);
    const ours = (await door.reused(300)).map((flag) => flag === 'r');
    assert.deepEqual(ours, peer.handshakes);
    assertSteady(ours, 'all');
    assertSteady(ours.slice(1), 'all but the first');
    assert.equal(ours.slice(1).every(Boolean), true);
  });

  test(`with many at a time as well, once all have begun (${version})`, async (t) => {
    const peer = await nodePeer(tls, t);
    const door = await startDoor(t, peer.address);
    const side = 8;
    await door.ask(1, side);
    await door.ask(50, side);
    const ours = (await door.reused(51 * side)).map((flag) => flag === 'r');
    assert.equal(peer.handshakes.filter(Boolean).length, ours.filter(Boolean).length);
    assertSteady(peer.handshakes.slice(side), 'after the first of each');
  });

  test(`nginx as the upstream sees the same (${version})`, { skip: !nginxAvailable }, async (t) => {
    const port = await freePort();
    await startNginx(
      `events { }
      http { server { listen 127.0.0.1:${port} ssl; ssl_protocols ${version};
        ssl_certificate ${pki.a.certificate}; ssl_certificate_key ${pki.a.key};
        return 200 $ssl_session_reused; } }`,
      { scope: t },
    );
    const door = await startDoor(t, `127.0.0.1:${port}`);
    const theirs = await door.ask(300);
    assert.deepEqual(await door.reused(300), theirs);
    assertSteady(
      theirs.map((flag) => flag === 'r'),
      'all',
    );
  });
}

// ---- clients

const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));
const keyFiles = [1, 2, 3].map((i) =>
  writeIn(folder, `ticket-${i}.key`, randomBytes(i === 2 ? 48 : 80)),
);

function config(port: number, more = ''): string {
  return `worker_processes 2; events { }
    http { ${more} server { listen 127.0.0.1:${port} ssl;
      ssl_certificate ${pki.a.certificate}; ssl_certificate_key ${pki.a.key};
      location / { return 200 $ssl_session_reused; } } }`;
}

function resumed(visits: readonly Visit[]): boolean[] {
  for (const one of visits) assert.equal(one.body, one.reused ? 'r' : '.', 'both ends agree');
  return visits.map((one) => one.reused);
}

async function reloadWith(program: RunningProgram, text: string): Promise<void> {
  const before = program.errorLog().split('listening on').length;
  const header = 'daemon off; pid sallyport.pid; error_log error.log info; ';
  writeIn(program.folder, 'sallyport.conf', header + text);
  program.reload();
  await eventually('the reload', () => program.errorLog().split('listening on').length > before);
}

for (const version of versions) {
  const tls = { ca: pki.ca, servername: 'a.test', minVersion: version, maxVersion: version };

  test(`clients of ${version} resume on two workers, but for the first time`, async (t) => {
    const port = await freePort();
    await startProgram(config(port), { scope: t });
    const all = resumed(await new ResumingClient(port, tls).visits(200));
    assert.equal(all[0], false);
    assertSteady(all, 'all');
  });

  test(`and over changes of the ticket keys, as long as the old ones are there (${version})`, async (t) => {
    const port = await freePort();
    const [first = '', second = '', third = ''] = keyFiles;
    const withKeys = (...files: string[]): string =>
      config(port, files.map((file) => `ssl_session_ticket_key ${file};`).join(' '));
    const program = await startProgram(withKeys(first), { scope: t });
    const client = new ResumingClient(port, tls);
    const all = resumed(await client.visits(100));
    const old = client.session;

    await reloadWith(program, withKeys(second, first));
    const after = resumed(await client.visits(100));
    // Not even the first after the change is a full handshake.
    assert.deepEqual([...all.slice(1), ...after], Array(199).fill(true));
    // New sessions are made with the new key.
    const fresh = new ResumingClient(port, tls);
    assert.deepEqual(resumed(await fresh.visits(10)).slice(1), Array(9).fill(true));

    await reloadWith(program, withKeys(third, second));
    assert.deepEqual(resumed(await fresh.visits(100)), Array(100).fill(true));
    const forgotten = new ResumingClient(port, tls);
    forgotten.session = old;
    const [refused, ...rest] = resumed(await forgotten.visits(10));
    assert.equal(refused, false, 'a session of a key that is gone');
    assert.deepEqual(rest, Array(9).fill(true));
  });
}
