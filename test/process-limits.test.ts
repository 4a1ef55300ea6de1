// `worker_rlimit_nofile` and `worker_priority` take effect on the process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { tempFolder } from './kit/temp-folder.ts';

const program = path.join(import.meta.dirname, '..', 'bin', 'sallyport');

test('limits and priority of the configuration are those of the process', async (t) => {
  const folder = tempFolder(t);
  const file = path.join(folder, 'sallyport.conf');
  writeFileSync(
    file,
    `daemon off; pid ${folder}/s.pid; error_log ${folder}/error.log notice;
    worker_rlimit_nofile 777; worker_rlimit_core 0; worker_priority 5;
    events {} http { server { listen 127.0.0.1:0; } }`,
  );
  const child = spawn(program, ['-c', file], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const pid = await eventually('the pid file', () => {
    if (!existsSync(`${folder}/s.pid`)) return null;
    const text = readFileSync(`${folder}/s.pid`, 'utf8').trim();
    return /^\d+$/.test(text) ? Number(text) : null;
  });
  assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max open files +777 +777 /m);
  assert.equal(os.getPriority(pid), 5);
});
