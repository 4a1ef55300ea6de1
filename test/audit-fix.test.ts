// `sallyport audit --fix` and `--diff`: what they write mends what was found, nginx goes on accepting
// it, and every comment stays where it was.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { audit, fixFindings, readPathSource, type AuditReport } from '../src/index.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { randomHops, type RandomFiles } from './kit/random-hops.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';
import type { Scope } from './kit/scope.ts';

const program = path.join(import.meta.dirname, '..', 'bin', 'sallyport');
const runs = 60;

function written(files: RandomFiles, scope: Scope): string {
  const folder = tempFolder(scope);
  for (const [name, text] of Object.entries(files)) writeIn(folder, name, text);
  return path.join(folder, 'main.conf');
}

function reported(file: string): AuditReport {
  return audit(readPathSource(file), { dialect: 'nginx' });
}

function mendable({ findings }: AuditReport): readonly string[] {
  return findings
    .filter(({ suppressed, edits = [] }) => suppressed === null && edits.length > 0)
    .map(({ rule, node, message }) => `${rule} ${node.at.file}:${node.at.line} ${message}`);
}

function mend(file: string) {
  const first = reported(file);
  const fixes = fixFindings(first, (source) => audit(source, { dialect: 'nginx' }));
  assert.ok(fixes !== null);
  return { first, fixes };
}

function commentsOf(text: string): readonly string[] {
  return text.match(/#.*$/gm) ?? [];
}

function verdict(files: RandomFiles, scope: Scope) {
  const folder = tempFolder(scope);
  // The hosts need not exist here.
  const local = (text: string): string =>
    text.replace(/(https:\/\/|server )api\.example\.com/g, '$1127.0.0.1');
  for (const [name, text] of Object.entries(files)) writeIn(folder, name, local(text));
  return checkConfig(local(files['main.conf'] ?? ''), { folder });
}

test(`${runs} generated configurations are mended, and nginx accepts them as before`, (t) => {
  let count = 0;
  let accepted = 0;
  for (let seed = 0; seed < runs; seed += 1) {
    const files = randomHops(seed);
    const file = written(files, t);
    const { first, fixes } = mend(file);
    if (mendable(first).length > 0) count += 1;
    const after: Record<string, string> = { ...files };
    for (const one of fixes.files) after[path.basename(one.path)] = one.after;
    const shown = `seed ${seed}\n${after['main.conf']}`;
    const left = fixes.left.map(
      ({ finding: { rule, node, message } }) =>
        `${rule} ${node.at.file}:${node.at.line} ${message}`,
    );
    assert.deepEqual(
      mendable(fixes.report).filter((one) => !left.includes(one)),
      [],
      shown,
    );
    for (const [name, text] of Object.entries(files)) {
      assert.deepEqual(commentsOf(after[name] ?? ''), commentsOf(text), shown);
    }
    for (const one of fixes.files) writeIn(path.dirname(file), path.basename(one.path), one.after);
    assert.deepEqual(mend(file).fixes.files, [], `a second time: ${shown}`);
    if (!nginxAvailable || seed % 3 !== 0) continue;
    // A few are refused by nginx from the start.
    if (!verdict(files, t).ok) continue;
    accepted += 1;
    const { ok, messages } = verdict(after, t);
    assert.ok(ok, `${messages.join('\n')}\n${shown}`);
  }
  assert.ok(!nginxAvailable || accepted > runs / 6, `nginx accepts only ${accepted}`);
  assert.ok(count > runs / 3, `only ${count} had something to mend`);
});

const open = `events {}
http {
  server {
    location / {
      proxy_pass https://api.example.com; # the API
    }
  }
}
`;

test('--fix writes through links, with the mode as it was, and reports what is then', (t) => {
  const folder = tempFolder(t);
  const real = writeIn(folder, 'real.conf', open);
  chmodSync(real, 0o640);
  const link = path.join(folder, 'nginx.conf');
  symlinkSync('real.conf', link);
  const { status, stdout, stderr } = spawnSync(program, ['audit', '--fix', link], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stderr, /nginx\.conf mended/);
  const text = readFileSync(real, 'utf8');
  assert.match(
    text,
    /proxy_pass https:\/\/api\.example\.com; # the API\n {6}proxy_ssl_verify on;\n/,
  );
  assert.equal(statSync(real).mode & 0o777, 0o640);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.deepEqual(readdirSync(folder).sort(), ['nginx.conf', 'real.conf']);
});

test('--diff shows what patch takes, writes nothing, and exits as the audit does', (t) => {
  const folder = tempFolder(t);
  const file = writeIn(folder, 'nginx.conf', open);
  const { status, stdout } = spawnSync(program, ['audit', '--diff', file], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stdout, /^--- .*nginx\.conf\n\+\+\+ .*nginx\.conf\n@@ -\d+,\d+ \+\d+,\d+ @@/);
  assert.match(stdout, /^\+ {6}proxy_ssl_verify on;$/m);
  assert.equal(readFileSync(file, 'utf8'), open);
  const patched = spawnSync('patch', ['-p1', '-d', '/'], { encoding: 'utf8', input: stdout });
  if (patched.error !== undefined) return;
  assert.equal(patched.status, 0, patched.stdout + patched.stderr);
  const { fixes } = mend(file);
  assert.deepEqual(fixes.files, []);
});

test('--fix refuses what is no file, and a file that is not UTF-8', (t) => {
  const dump = spawnSync(program, ['audit', '--fix', '-'], { encoding: 'utf8', input: open });
  assert.equal(dump.status, 2);
  assert.match(dump.stderr, /--fix needs the files themselves/);
  const folder = tempFolder(t);
  const bytes = Buffer.from(open.replace('the API', '\xe9'), 'latin1');
  const file = writeIn(folder, 'nginx.conf', bytes);
  const { status, stderr } = spawnSync(program, ['audit', '--fix', file], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /is not UTF-8/);
  assert.deepEqual(readFileSync(file), bytes);
});
