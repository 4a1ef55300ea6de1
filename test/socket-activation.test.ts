// Listening sockets that another program has bound (`LISTEN_FDS`, as systemd passes them) are used
// where a `listen` has their address, and left to that program at the end.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { BoundSocket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from './kit/eventually.ts';
import { freePorts } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { atEnd } from './kit/scope.ts';
import type { Scope } from './kit/scope.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const program = fileURLToPath(new URL('../bin/sallyport', import.meta.url));
const limitMs = 20_000;

// The types know only the TCP form.
const BoundPath = BoundSocket as unknown as new (options: { path: string }) => BoundSocket;

/** `$$` is the process id of the program: `exec` keeps it. */
const asSystemd = 'LISTEN_FDS=$COUNT LISTEN_PID=$$ exec "$0" "$@"';

function write(folder: string, daemon: string, listens: readonly string[]): void {
  const lines = listens.map((listen) => `listen ${listen};`).join(' ');
  writeIn(
    folder,
    'sallyport.conf',
    `daemon ${daemon}; pid sallyport.pid; error_log error.log info; worker_processes 2; events { }
     http { access_log off; server { ${lines} return 200 here; } }`,
  );
}

/** Starts the program with these descriptors from 3 on; gives its process id. */
async function start(folder: string, sockets: readonly number[], scope: Scope): Promise<number> {
  const child = spawn('sh', ['-c', asSystemd, process.execPath, program, '-p', folder], {
    env: { ...process.env, COUNT: String(sockets.length) },
    stdio: ['ignore', 'ignore', 'inherit', ...sockets],
  });
  atEnd(scope, () => void child.kill('SIGKILL'));
  const file = join(folder, 'sallyport.pid');
  const log = join(folder, 'error.log');
  await eventually(
    'the start',
    () => existsSync(file) && readFileSync(log, 'utf8').includes('listening on'),
    limitMs,
  );
  const pid = Number(readFileSync(file, 'utf8'));
  atEnd(scope, () => end(pid, file));
  return pid;
}

async function end(pid: number, pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  process.kill(pid, 'SIGTERM');
  await eventually('the end', () => !existsSync(pidFile), limitMs);
}

/** How many descriptors of a process are this socket. */
function countOf(pid: number, descriptor: number): number {
  const folder = `/proc/${pid}/fd`;
  const wanted = `socket:[${fstatSync(descriptor).ino}]`;
  return readdirSync(folder).filter((name) => {
    try {
      return readlinkSync(join(folder, name)) === wanted;
    } catch {
      return false;
    }
  }).length;
}

for (const daemon of ['off', 'on']) {
  test(`sockets of systemd are used instead of binding: daemon ${daemon}`, async (t) => {
    const folder = tempFolder(t);
    const [port = 0, other = 0, unused = 0] = await freePorts(3);
    const path = join(folder, 'socket');
    const sockets = [
      new BoundSocket({ host: '127.0.0.1', port }),
      new BoundPath({ path }),
      new BoundSocket({ host: '127.0.0.1', port: unused }),
    ];
    atEnd(t, () => sockets.forEach((socket) => socket.close()));
    const descriptors = sockets.map((socket) => socket.fd());
    write(folder, daemon, [`127.0.0.1:${port}`, `unix:${path}`, `127.0.0.1:${other}`]);
    const pid = await start(folder, descriptors, t);
    for (const target of [{ port }, { socketPath: path }, { port: other }]) {
      for (let i = 0; i < 5; i += 1) {
        assert.equal((await request(target)).body.toString(), 'here');
      }
    }
    // The supervisor's, and one for each of two workers.
    await eventually('the descriptors', () => countOf(pid, descriptors[0] ?? 0) === 3);
    assert.equal(countOf(pid, descriptors[1] ?? 0), 3);
    assert.equal(countOf(pid, descriptors[2] ?? 0), 0);
    const log = readFileSync(join(folder, 'error.log'), 'utf8');
    assert.match(log, new RegExp(`the inherited socket on 127.0.0.1:${unused} is closed`));
    await end(pid, join(folder, 'sallyport.pid'));
    assert.ok(existsSync(path), 'the file is not ours to remove');
  });
}

test('a descriptor that is no socket refuses to start, and says so', (t) => {
  const folder = tempFolder(t);
  write(folder, 'off', ['127.0.0.1:0']);
  const args = ['-c', asSystemd, process.execPath, program, '-p', folder];
  const { status, stderr } = spawnSync('sh', args, {
    encoding: 'utf8',
    env: { ...process.env, COUNT: '1' },
    stdio: ['ignore', 'ignore', 'pipe', 'ignore'],
    timeout: limitMs,
  });
  assert.equal(status, 1);
  assert.match(stderr, /\[emerg\] the inherited descriptor 3 is not a socket/);
});
