// The program is replaced while it serves: USR2 starts the new one with the listening sockets, QUIT
// ends the old one, and no request fails, whatever the numbers of workers are. A new program that
// does not come up changes nothing.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePorts } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { atEnd } from './kit/scope.ts';
import type { Scope } from './kit/scope.ts';
import { echoLocations, startEcho, SteadyLoad } from './kit/steady-load.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const tls = { ca: pki.ca, servername: 'b.test' };
const limitMs = 30_000;

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

function pidIn(file: string): number {
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

interface Setup {
  readonly folder: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly socketPath: string;
  readonly pid: number;
  errorLog(): string;
  configure(workers: number, extra?: string): void;
}

async function setup(scope: Scope): Promise<Setup> {
  const echo = await startEcho(scope);
  const folder = tempFolder(scope);
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const socketPath = join(folder, 'socket');
  const text = (workers: number, extra: string): string => `
daemon off; pid sallyport.pid; error_log error.log info; worker_processes ${workers}; ${extra}
events { }
http {
  access_log off;
  keepalive_min_timeout 1s;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    listen unix:${socketPath};
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location /workers { return 200 ${workers}; }
    ${echoLocations(echo.address)}
  }
}`;
  const pidFile = join(folder, 'sallyport.pid');
  // All that there may be at the end.
  atEnd(scope, async () => {
    for (const file of [pidFile, `${pidFile}.oldbin`]) {
      const pid = pidIn(file);
      if (pid === 0 || !alive(pid)) continue;
      process.kill(pid, 'SIGKILL');
      await eventually('its end', () => !alive(pid));
    }
  });
  const running = await startProgram(text(2, '').replace(/^\n.*;/, ''), { folder, scope });
  return {
    folder,
    port,
    tlsPort,
    socketPath,
    pid: running.pid,
    errorLog: () => running.errorLog(),
    configure: (workers, extra = '') =>
      void writeIn(folder, 'sallyport.conf', text(workers, extra)),
  };
}

/** Sends USR2 to a process and waits until the new one serves. */
async function replace({ folder, errorLog }: Setup, old: number): Promise<number> {
  process.kill(old, 'SIGUSR2');
  const pid = await eventually(
    'the new pid file',
    () => {
      const now = pidIn(join(folder, 'sallyport.pid'));
      return now !== 0 && now !== old && now;
    },
    limitMs,
  );
  const line = `new binary process ${pid} serves`;
  await eventually('the line', () => errorLog().includes(line), limitMs);
  assert.equal(pidIn(join(folder, 'sallyport.pid.oldbin')), old);
  return pid;
}

test(
  'the program is replaced twice under load and no request fails',
  { timeout: 180_000 },
  async (t) => {
    const set = await setup(t);
    const { port, tlsPort, socketPath } = set;
    const lasting = SteadyLoad.start([{ kind: 'upgraded', target: { port } }], t);
    const load = SteadyLoad.start(
      [
        { kind: 'new', target: { port }, clients: 3 },
        { kind: 'new', target: { port: tlsPort, tls } },
        { kind: 'new', target: { socketPath } },
        { kind: 'kept', target: { port }, clients: 2 },
        { kind: 'kept', target: { port: tlsPort, tls } },
        { kind: 'upload', target: { port } },
        { kind: 'download', target: { port } },
      ],
      t,
    );
    await eventually('the load', () => load.total > 20 && lasting.total > 3, limitMs);
    let old = set.pid;
    for (const workers of [3, 1]) {
      set.configure(workers);
      const pid = await replace(set, old);
      await load.goesOn();
      process.kill(old, 'SIGQUIT');
      // The first one has the upgraded connection, and stays for it.
      if (old !== set.pid) await eventually('the end of the old', () => !alive(old), limitMs);
      await load.goesOn();
      await lasting.goesOn();
      const { body } = await request({ port, path: '/workers' });
      assert.equal(Number(body), workers);
      old = pid;
    }
    assert.ok(alive(set.pid), 'waits for its upgraded connection');
    await lasting.stop();
    await eventually('the end of the first', () => !alive(set.pid), limitMs);
    await load.goesOn();
    await load.stop();
    assert.deepEqual([...load.failures, ...lasting.failures], []);
    assert.equal(pidIn(join(set.folder, 'sallyport.pid')), old);
    assert.equal(existsSync(join(set.folder, 'sallyport.pid.oldbin')), false);
    // The last one removes the socket's file; those before have left it.
    assert.ok(existsSync(socketPath));
    process.kill(old, 'SIGQUIT');
    await eventually('the end of the last', () => !alive(old), limitMs);
    assert.equal(existsSync(socketPath), false);
    await assert.rejects(RawConnection.open({ port }));
  },
);

test('a new program that refuses its configuration changes nothing', async (t) => {
  const set = await setup(t);
  const { folder, port, pid } = set;
  set.configure(2, 'nonsense on;');
  process.kill(pid, 'SIGUSR2');
  const why = /\[alert\].* the program is not replaced: .*unknown directive "nonsense".*conf:2/;
  await eventually('the reason', () => why.test(set.errorLog()), limitMs);
  assert.equal(pidIn(join(folder, 'sallyport.pid')), pid);
  assert.equal(existsSync(join(folder, 'sallyport.pid.oldbin')), false);
  assert.equal((await request({ port, path: '/a' })).body.toString(), '/a');
  // A second try is a new one.
  set.configure(2);
  await replace(set, pid);
});

test('when the new program dies the old one goes on and takes its place again', async (t) => {
  const set = await setup(t);
  const { folder, port, socketPath, pid } = set;
  const fresh = await replace(set, pid);
  process.kill(pid, 'SIGUSR2');
  await eventually('the refusal', () =>
    set.errorLog().includes('the new program is there already'),
  );
  process.kill(fresh, 'SIGKILL');
  await eventually('the line', () => /binary process \d+ has ended/.test(set.errorLog()), limitMs);
  assert.equal(pidIn(join(folder, 'sallyport.pid')), pid);
  for (const target of [{ port }, { socketPath }]) {
    assert.equal((await request({ ...target, path: '/a' })).body.toString(), '/a');
  }
});
