// The systemd units, the logrotate file and the first configuration: what they name exists, what they
// call is what the program takes, and they agree with each other about paths and signals.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseArguments } from '../src/cli/arguments.ts';
import { runProgram } from './kit/program.ts';
import { repository } from './kit/source-tree.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

function read(name: string): string {
  return readFileSync(path.join(repository, 'packaging', name), 'utf8');
}

/** The settings of a unit, in order; a name may come several times. */
function settings(name: string): readonly (readonly [name: string, value: string])[] {
  return read(name)
    .split('\n')
    .filter((line) => line !== '' && !/^[#[]/.test(line))
    .map((line) => {
      const at = line.indexOf('=');
      assert.ok(at > 0, line);
      return [line.slice(0, at), line.slice(at + 1)] as const;
    });
}

const service = settings('sallyport.service');
const all = (wanted: string): readonly string[] =>
  service.filter(([name]) => name === wanted).map(([, value]) => value);
const one = (wanted: string): string => {
  const [value = '', ...more] = all(wanted);
  assert.deepEqual(more, [], `${wanted} is there once`);
  return value;
};

test('the commands of the unit are ones that the program takes', () => {
  const commands = ['ExecStartPre', 'ExecStart', 'ExecReload'].flatMap(all);
  const own = commands.filter((command) => command.startsWith('/usr/bin/sallyport '));
  assert.equal(own.length, 3);
  for (const command of own) {
    const { flags, problem } = parseArguments(command.split(' ').slice(1));
    assert.equal(problem, null, command);
    assert.equal(flags?.file, '/etc/sallyport/sallyport.conf');
  }
  assert.equal(parseArguments(one('ExecStart').split(' ').slice(1)).flags?.foreground, true);
});

test('the unit gives no more than the right to listen, and takes what it can', () => {
  assert.equal(one('CapabilityBoundingSet'), 'CAP_NET_BIND_SERVICE');
  assert.equal(one('AmbientCapabilities'), 'CAP_NET_BIND_SERVICE');
  assert.equal(one('NoNewPrivileges'), 'yes');
  assert.equal(one('ProtectSystem'), 'strict');
  assert.equal(one('LimitCORE'), '0');
  assert.notEqual(one('User'), 'root');
  assert.deepEqual(all('MemoryDenyWriteExecute'), [], 'V8 could not run');
  for (const name of ['NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_OPTIONS']) {
    assert.ok(one('UnsetEnvironment').split(' ').includes(name), name);
  }
});

test('the first configuration writes only where the unit lets it, and is taken', (t) => {
  const allowed = [
    `/run/${one('RuntimeDirectory')}/`,
    `/var/cache/${one('CacheDirectory')}/`,
    `/var/log/${one('LogsDirectory')}/`,
  ];
  const written = [...read('sallyport.conf').matchAll(/(\/(?:run|var)\/[^\s;]+)/g)].map(
    ([, found = '']) => found,
  );
  assert.equal(written.length, 5);
  for (const file of written) {
    assert.ok(
      allowed.some((folder) => file.startsWith(folder)),
      file,
    );
  }
  for (const name of ['sallyport.conf', 'container.conf']) {
    const folder = tempFolder(t);
    for (const part of ['run', 'cache', 'log']) mkdirSync(path.join(folder, part));
    const text = read(name)
      .replaceAll('/run/sallyport', `${folder}/run`)
      .replaceAll('/var/cache/sallyport', `${folder}/cache`)
      .replaceAll('/var/log/sallyport', `${folder}/log`)
      // Here it is a socket, which cannot be opened again; in a container it is a pipe.
      .replaceAll('/dev/stdout', `${folder}/log/access.log`);
    const { code, stderr } = runProgram(text, ['-t'], { folder });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /\[warn\]/);
  }
});

test('logs are rotated where they are written, by the user of the unit', () => {
  const text = read('sallyport.logrotate');
  const pid = /^pid (\S+);/m.exec(read('sallyport.conf'))?.[1] ?? 'none';
  assert.match(text, /^\/var\/log\/sallyport\/\*\.log \{/m);
  assert.ok(text.includes(`kill -USR1 "$(cat ${pid})"`), text);
  assert.ok(text.includes(`create 0640 ${one('User')} ${one('Group')}`));
  assert.ok(read('sallyport.sysusers').includes(`\nu ${one('User')} - `));
  const script = /postrotate\n([\s\S]*?)endscript/.exec(text)?.[1] ?? '';
  assert.equal(spawnSync('sh', ['-n'], { input: script }).status, 0);
});

test('the sockets are those that an example of the documents listens on', () => {
  const sockets = settings('sallyport.socket').filter(([name]) => name === 'ListenStream');
  assert.deepEqual(
    sockets.map(([, value]) => value),
    ['0.0.0.0:80', '0.0.0.0:443', '[::]:80', '[::]:443'],
  );
  assert.ok(settings('sallyport.socket').some(([, value]) => value === 'sallyport.service'));
});

const analyze = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const version = Number(/^systemd (\d+)/.exec(analyze.stdout)?.[1] ?? 0);
const skip = version >= 252 ? false : 'needs systemd-analyze of systemd 252 or later';

test('systemd understands every line of the units', { skip }, (t) => {
  const folder = tempFolder(t);
  const program = writeIn(folder, 'sallyport', '#!/bin/sh\n');
  chmodSync(program, 0o755);
  const units = ['sallyport.service', 'sallyport.socket'].map((name) =>
    writeIn(folder, name, read(name).replaceAll('/usr/bin/sallyport', program)),
  );
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', ...units], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` },
  });
  const own = stderr.split('\n').filter((line) => /sallyport\.(service|socket)/.test(line));
  assert.deepEqual(own, [], stderr);
  assert.equal(status, 0, stderr);
});

test('by the measure of systemd the service is little exposed', { skip }, (t) => {
  const unit = writeIn(tempFolder(t), 'sallyport.service', read('sallyport.service'));
  const args = ['security', '--offline=true', '--threshold=25', '--no-pager', unit];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});
