// The program as a process, for what needs no configuration.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { version } from '../index.ts';

const program = fileURLToPath(new URL('../../bin/sallyport', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'command-line-'));
after(() => rmSync(folder, { recursive: true }));

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    cwd: folder,
  });
  return { status, stdout, stderr };
}

const versionLine = `sallyport version: sallyport/${version}\n`;

test('-v prints the version on stderr, as nginx does', () => {
  assert.deepEqual(run('-v'), { status: 0, stdout: '', stderr: versionLine });
});

test('-V has the lines that scripts look for', () => {
  const { status, stderr } = run('-V');
  assert.equal(status, 0);
  assert.ok(stderr.startsWith(versionLine));
  assert.match(stderr, /^built with OpenSSL \d/m);
  assert.match(stderr, /^TLS SNI support enabled$/m);
  assert.match(stderr, /^configure arguments: .*--with-http_ssl_module/m);
});

test('-h explains every flag', () => {
  const { status, stderr } = run('-h');
  assert.equal(status, 0);
  for (const flag of ['-v', '-V', '-t', '-T', '-q', '-s', '-p', '-e', '-c', '-g']) {
    assert.ok(stderr.includes(`\n  ${flag} `), flag);
  }
});

test('an option that does not exist ends with 1', () => {
  const stderr = 'sallyport: invalid option: "x"\n';
  assert.deepEqual(run('-x'), { status: 1, stdout: '', stderr });
});

test('an unknown command is answered with the nearest one', () => {
  const stderr = 'sallyport: unknown command "dmo"; did you mean "demo"?\n';
  assert.deepEqual(run('dmo'), { status: 1, stdout: '', stderr });
});

test('the program runs through a symbolic link from any folder', () => {
  const link = join(folder, 'sallyport');
  symlinkSync(program, link);
  const { status, stderr } = spawnSync(process.execPath, [link, '-v'], {
    encoding: 'utf8',
    cwd: '/',
  });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: versionLine });
});
