import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLogFiles, isRoot, lookUpIdentity } from './privileges.ts';

const folder = mkdtempSync(join(tmpdir(), 'privileges-'));
after(() => rmSync(folder, { recursive: true }));
const skip = isRoot() ? false : 'needs root';

test('an unknown user is refused, and root stays root', { skip }, () => {
  const setting = { user: 'no-such-user', group: 'nogroup' };
  assert.throws(() => lookUpIdentity(setting), { code: 'PRIVILEGES_FAILED' });
  assert.equal(process.geteuid?.(), 0);
  assert.equal(process.getegid?.(), 0);
});

test('new log files belong to the user; links and shared files are left alone', { skip }, () => {
  const identity = lookUpIdentity({ user: 'nobody', group: 'nogroup' });
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('target'), '');
  symlinkSync(path('target'), path('symlink'));
  writeFileSync(path('two-names'), '');
  linkSync(path('two-names'), path('hard-link'));
  createLogFiles([path('fresh.log'), path('symlink'), path('hard-link')], identity);
  assert.equal(statSync(path('fresh.log')).uid, identity.uid);
  assert.equal(statSync(path('target')).uid, 0);
  assert.equal(statSync(path('hard-link')).uid, 0);
});

test('a proxy that gave up root still replaces its workers on a low port', { skip }, () => {
  chmodSync(folder, 0o755);
  const script = fileURLToPath(new URL('./drop-to-nobody.test-kit.ts', import.meta.url));
  const args = [script, join(folder, 'pid'), join(folder, 'error.log'), '997'];
  const seen = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as unknown;
  const { uid } = lookUpIdentity({ user: 'nobody', group: 'nogroup' });
  assert.deepEqual({ ...(seen as object), greeting: null }, { uid, logOwner: uid, greeting: null });
});
