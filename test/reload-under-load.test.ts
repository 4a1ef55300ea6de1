// The program under steady load while its configuration changes by signals: numbers of workers,
// listeners that come and go, broken configurations in between. No request fails. For more rounds set
// SALLYPORT_RELOADS.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { readFileSync, renameSync, existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePorts } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import type { RunningProgram } from './kit/program.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import type { Scope } from './kit/scope.ts';
import { echoLocations, startEcho, SteadyLoad } from './kit/steady-load.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const tls = { ca: pki.ca, servername: 'b.test' };
const limitMs = 30_000;
const rounds = Number(process.env['SALLYPORT_RELOADS'] ?? 6);
const program = fileURLToPath(new URL('../bin/sallyport', import.meta.url));

interface Shape {
  readonly workers: number;
  readonly state: string;
  /** `listen` beside those of the load. */
  readonly extra?: string;
  readonly broken?: boolean;
}

interface Setup {
  readonly running: RunningProgram;
  readonly folder: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly more: number;
  configure(shape: Shape): void;
  /** What the configuration in force says. */
  state(): Promise<string>;
}

async function setup(scope: Scope, workers: number, folder = tempFolder(scope)): Promise<Setup> {
  const echo = await startEcho(scope);
  const [port = 0, tlsPort = 0, more = 0] = await freePorts(3);
  const text = ({ workers: count, state, extra = '', broken = false }: Shape): string =>
    `worker_processes ${count};
     events { }
     http {
       access_log access.log;
       keepalive_min_timeout 2s;
       client_max_body_size 0;
       server {
         listen 127.0.0.1:${port};
         listen 127.0.0.1:${tlsPort} ssl;
         ${extra}
         ${broken ? 'nonsense on;' : ''}
         ssl_certificate ${pki.b.certificate};
         ssl_certificate_key ${pki.b.key};
         location /state { access_log off; return 200 "${state}"; }
         ${echoLocations(echo.address)}
       }
     }`;
  const main = 'daemon off; pid sallyport.pid; error_log error.log info; ';
  const running = await startProgram(text({ workers, state: 'first' }), { folder, scope });
  return {
    running,
    folder,
    port,
    tlsPort,
    more,
    configure: (shape) => void writeIn(folder, 'sallyport.conf', main + text(shape)),
    state: async () => (await request({ port, path: '/state' })).body.toString(),
  };
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

test('no request fails while the configuration changes', { timeout: 600_000 }, async (t) => {
  const set = await setup(t, 1);
  const { running, port, tlsPort, folder } = set;
  const load = SteadyLoad.start(
    [
      { kind: 'new', target: { port }, clients: 2 },
      { kind: 'new', target: { port: tlsPort, tls } },
      { kind: 'kept', target: { port }, clients: 2 },
      { kind: 'kept', target: { port: tlsPort, tls } },
      { kind: 'upload', target: { port } },
      { kind: 'download', target: { port } },
      { kind: 'upgraded', target: { port } },
    ],
    t,
  );
  await eventually('the load', () => load.total > 20, limitMs);
  const counts = [3, 2, 1, 2];
  for (let round = 0; round < rounds; round += 1) {
    const state = `state ${round}`;
    const extra =
      round % 2 === 0 ? `listen unix:${folder}/socket;` : `listen 127.0.0.1:${set.more};`;
    const workers = counts[round % counts.length] ?? 1;
    const broken = count(running.errorLog(), 'unknown directive "nonsense"');
    set.configure({ workers, state: 'broken', broken: true });
    running.reload();
    await eventually(
      'the refusal',
      () => count(running.errorLog(), 'unknown directive "nonsense"') > broken,
      limitMs,
    );
    set.configure({ workers, state, extra });
    if (round % 3 === 2) spawnSync(process.execPath, [program, '-p', folder, '-s', 'reload']);
    else running.reload();
    await eventually('the new state', async () => (await set.state()) === state, limitMs);
    await load.goesOn();
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  // Where the error is, file and line.
  assert.match(running.errorLog(), /unknown directive "nonsense".* in .*sallyport\.conf:11/);
  assert.doesNotMatch(running.errorLog(), /\[(alert|crit)\]/);
});

test('what a listener has taken is answered when it goes, and its port is free then', async (t) => {
  const set = await setup(t, 2);
  const { running, folder, more } = set;
  const socketPath = join(folder, 'socket');
  set.configure({ workers: 2, state: 'two', extra: `listen 127.0.0.1:${more};` });
  running.reload();
  await eventually('the port', () => request({ port: more }).catch(() => null), limitMs);
  const kept = await RawConnection.open({ port: more });
  await kept.request({ path: '/a' });
  set.configure({ workers: 2, state: 'three', extra: `listen unix:${socketPath};` });
  running.reload();
  await eventually('the state', async () => (await set.state()) === 'three', limitMs);
  await eventually('the socket', () => request({ socketPath }).catch(() => null), limitMs);
  // The connection outlives its listener.
  assert.equal((await kept.request({ path: '/b' })).body.toString(), '/b');
  kept.close();
  // For anybody, also without SO_REUSEPORT.
  const other = createServer().listen(more, '127.0.0.1');
  t.after(() => other.close());
  await new Promise((resolve, reject) => {
    other.once('listening', resolve);
    other.once('error', reject);
  });
  set.configure({ workers: 2, state: 'four' });
  running.reload();
  await eventually('the state', async () => (await set.state()) === 'four', limitMs);
  await assert.rejects(request({ socketPath }));
  assert.equal(existsSync(socketPath), false);
});

test('a storm of reloads is few reloads, and ends with the last configuration', async (t) => {
  const set = await setup(t, 2);
  const { running } = set;
  const storm = 60;
  for (let i = 1; i <= storm; i += 1) {
    set.configure({ workers: 2, state: `state ${i}` });
    running.reload();
    // Signals of one kind that come in one moment are one for the kernel already.
    if (i % 10 === 0) await set.state();
  }
  await eventually('the last', async () => (await set.state()) === `state ${storm}`, limitMs);
  const reloads = count(running.errorLog(), ': reconfiguring\n');
  assert.ok(reloads < storm / 2, `${reloads} reloads`);
});

test('after a rotation all workers write into the new file, and no line is lost', async (t) => {
  const set = await setup(t, 3);
  const { running, folder, port } = set;
  const log = join(folder, 'access.log');
  const rotated = join(folder, 'access.log.1');
  const lines = (file: string): number =>
    existsSync(file) ? count(readFileSync(file, 'utf8'), '\n') : 0;
  // One that a reload leaves with the configuration of before.
  const upgraded = await RawConnection.open({ port });
  const headers = { Connection: 'upgrade', Upgrade: 'x' };
  assert.equal((await upgraded.request({ path: '/upgrade', headers })).status, 101);
  set.configure({ workers: 3, state: 'next' });
  running.reload();
  await eventually('the state', async () => (await set.state()) === 'next', limitMs);
  const load = SteadyLoad.start([{ kind: 'new', target: { port }, clients: 6 }], t);
  await eventually('the load', () => load.total > 50, limitMs);
  renameSync(log, rotated);
  process.kill(running.pid, 'SIGUSR1');
  await eventually('the new file', () => existsSync(log), limitMs);
  await load.goesOn(50);
  await load.stop();
  await eventually('all lines', () => lines(log) + lines(rotated) === load.total, limitMs);
  const before = lines(rotated);
  upgraded.close();
  await eventually('its line', () => readFileSync(log, 'utf8').includes('/upgrade'), limitMs);
  assert.equal(lines(rotated), before, 'nobody writes into the old file');
  assert.deepEqual(load.failures, []);
});
