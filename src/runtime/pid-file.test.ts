import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { readPidFile, removePidFile, signalByPidFile, writePidFile } from './pid-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'pid-file-'));
after(() => rmSync(folder, { recursive: true }));

function pidFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('what is written can be read', () => {
  const path = join(folder, 'written');
  writePidFile(path, 4711);
  assert.equal(readPidFile(path), 4711);
});

test('a missing file is reported as nginx does', () => {
  const path = join(folder, 'missing');
  const message = `open() "${path}" failed (2: No such file or directory)`;
  assert.throws(() => signalByPidFile(path, 'stop'), { code: 'PID_FILE_FAILED', message });
});

for (const text of ['', '0', '-1', 'abc', '12x', '99999999999']) {
  test(`"${text}" is no process number`, () => {
    const path = pidFile('wrong', `${text}\n`);
    const message = `invalid PID number "${text}" in "${path}"`;
    assert.throws(() => signalByPidFile(path, 'stop'), { code: 'PID_FILE_FAILED', message });
  });
}

test('a process that has ended is reported as nginx does', () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  const path = pidFile('ended', String(pid));
  const message = `kill(${pid}, 1) failed (3: No such process)`;
  assert.throws(() => signalByPidFile(path, 'reload'), { code: 'SIGNAL_FAILED', message });
});

test('the process gets the signal of nginx', async () => {
  for (const [control, signal] of [
    ['stop', 'SIGTERM'],
    ['quit', 'SIGQUIT'],
    ['reload', 'SIGHUP'],
  ] as const) {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    signalByPidFile(pidFile('live', String(child.pid)), control);
    assert.deepEqual(await once(child, 'exit'), [null, signal]);
  }
});

test("a successor's file is not removed", () => {
  const path = pidFile('successor', '4712\n');
  assert.equal(removePidFile(path, 4711), null);
  assert.equal(existsSync(path), true);
  assert.equal(removePidFile(path, 4712), null);
  assert.equal(existsSync(path), false);
});
