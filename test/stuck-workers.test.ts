// A worker that hangs in a call of the system: here it opens a pipe that nobody reads. Nothing can
// end such a thread, and `process.exit` would wait for it; stopping the program ends it all the same.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { freePort } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import type { Scope } from './kit/scope.ts';
import { tempFolder } from './kit/temp-folder.ts';

const limitMs = 30_000;

interface Stuck {
  readonly pid: number;
  readonly port: number;
  errorLog(): string;
  ended(): boolean;
}

async function stuckProgram(scope: Scope): Promise<Stuck> {
  const folder = tempFolder(scope);
  mkdirSync(join(folder, 'html'));
  execFileSync('mkfifo', [join(folder, 'pipe.log')]);
  const port = await freePort();
  const running = await startProgram(
    `worker_processes 1; events { } http { server { listen 127.0.0.1:${port};
       access_log ${folder}/$arg_file.log; return 200 a; } }`,
    { folder, scope },
  );
  assert.equal((await request({ port, path: '/?file=a' })).status, 200);
  const client = await RawConnection.open({ port });
  await client.send('GET /?file=pipe HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.response().catch(() => undefined);
  scope.after(() => client.close());
  const ended = (): boolean => {
    try {
      process.kill(running.pid, 0);
      return false;
    } catch {
      return true;
    }
  };
  return { pid: running.pid, port, errorLog: running.errorLog, ended };
}

test('TERM ends the program although a worker cannot be ended', async (t) => {
  const { pid, errorLog, ended } = await stuckProgram(t);
  process.kill(pid, 'SIGTERM');
  await eventually('the end', ended, limitMs);
  assert.match(errorLog(), /: exit\n/);
});

test('a second TERM ends it at once', async (t) => {
  const { pid, errorLog, ended } = await stuckProgram(t);
  process.kill(pid, 'SIGTERM');
  const received = (): number => errorLog().split('signal 15 (SIGTERM) received').length - 1;
  await eventually('the first', () => received() === 1, limitMs);
  // Two within a moment are one.
  await new Promise((resolve) => setTimeout(resolve, 600));
  process.kill(pid, 'SIGTERM');
  await eventually('the end', ended, limitMs);
});
