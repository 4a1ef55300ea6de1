import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'daemon-'));
after(() => rmSync(folder, { recursive: true }));

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

// The command runs in a process of its own, as from a shell.
function start(how: string, stderrFile: string | null) {
  const command = { args: [pathOf('./daemon-stub.test-kit.ts'), how], stderrFile };
  const program = `
    import { startDaemon } from ${JSON.stringify(pathOf('./daemon.ts'))};
    process.exitCode = await startDaemon(${JSON.stringify(command)});`;
  const args = ['--input-type=module-typescript', '-e', program];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, stderr };
}

test('the command ends with 0 once the daemon is ready, and the daemon stays', () => {
  const log = join(folder, 'stderr');
  assert.deepEqual(start('serves', log), { status: 0, stderr: '' });
  const pid = Number(readFileSync(log, 'utf8'));
  process.kill(pid, 0);
  process.kill(pid, 'SIGTERM');
});

test("the daemon's errors are printed by the command, which ends with 1", () => {
  assert.deepEqual(start('fails', null), {
    status: 1,
    stderr: 'sallyport: [emerg] first\nsallyport: [emerg] second\n',
  });
});

test('a daemon that ends without a word is an error', () => {
  assert.deepEqual(start('dies', null), {
    status: 1,
    stderr: 'sallyport: [emerg] the daemon ended before it served (exit code 7)\n',
  });
});
