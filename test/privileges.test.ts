// Started as root: sockets, keys and logs are opened first, then all threads become the user of the
// `user` directive for good. And what a reload can still do after that.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { startProgram, type RunningProgram } from './kit/program.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { repository } from './kit/source-tree.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const isRoot = process.geteuid?.() === 0;
const pki = await testPki();
const renewed = await pki.root.issue({ commonName: 'a.test', purpose: 'server' });

function idOf(...args: readonly string[]): string {
  return execFileSync('id', args, { encoding: 'utf8' }).trim();
}

/** A user that is in more groups than its own, if this system has one; else nobody. */
function userWithGroups(): string {
  const members = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .flatMap((line) => (line.split(':')[3] ?? '').split(','))
    .filter((name) => name !== '' && name !== 'root');
  return members.find((name) => idOf('-G', name).split(' ').length > 1) ?? 'nobody';
}

const user = isRoot ? userWithGroups() : 'nobody';
const [uid, gid] = isRoot ? [Number(idOf('-u', user)), Number(idOf('-g', user))] : [0, 0];

/** Can the program itself be read by somebody else? A checkout in a home folder can't. */
function readableBy(id: number): boolean {
  const script = `require('fs').readFileSync(${JSON.stringify(`${repository}/src/index.ts`)})`;
  try {
    execFileSync(process.execPath, ['-e', script], { uid: id, gid: id, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const skip = !isRoot
  ? 'needs root'
  : !readableBy(uid)
    ? 'needs a checkout that others can read'
    : false;

/** Below 1024, where only root may listen. */
async function lowPort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = 600 + Math.floor(Math.random() * 420);
    const server = createServer();
    server.listen(port, '127.0.0.1');
    const free = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]);
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error('no free port below 1024');
}

interface Site {
  readonly program: RunningProgram;
  readonly folder: string;
  readonly port: number;
  readonly upstream: RecordingUpstream;
}

/** Folders as of a package: only root writes them; `private` only root can look into. */
async function start(t: TestContext, keyIn: 'open' | 'private'): Promise<Site> {
  const folder = tempFolder(t);
  chmodSync(folder, 0o755);
  for (const name of ['open', 'logs', 'private']) mkdirSync(path.join(folder, name));
  chmodSync(path.join(folder, 'private'), 0o700);
  writeIn(folder, 'open/a.pem', pki.a.certificatePem);
  writeIn(folder, `${keyIn}/a.key`, pki.a.keyPem);
  chmodSync(path.join(folder, `${keyIn}/a.key`), 0o600);
  const port = await lowPort();
  const upstream = await RecordingUpstream.start({}, t);
  const program = await startProgram(
    `user ${user} ${idOf('-gn', user)}; worker_processes 2; events {} http {
      access_log logs/access.log;
      server { listen 127.0.0.1:${port} ssl; server_name a.test;
        ssl_certificate open/a.pem; ssl_certificate_key ${keyIn}/a.key;
        location / { proxy_pass http://${upstream.address}; } } }`,
    { folder, scope: t },
  );
  return { program, folder, port, upstream };
}

function target(port: number) {
  return { port, tls: { ca: pki.ca, servername: 'a.test' } };
}

async function shown(port: number): Promise<string> {
  const connection = await RawConnection.open(target(port));
  const { fingerprint256 } = (connection.socket as TLSSocket).getPeerCertificate();
  connection.close();
  return fingerprint256;
}

const count = (log: string, text: string): number => log.split(text).length - 1;

/** Reloads; gives what came of it. */
async function reload({ program }: Site): Promise<string> {
  const before = program.errorLog();
  program.reload();
  return await eventually('the end of the reload', () => {
    const news = program.errorLog().slice(before.length);
    return /listening on|\[(emerg|error|alert)\]/.test(news) ? news : null;
  });
}

test(
  'all threads become the user, with its groups and without any capability',
  { skip },
  async (t) => {
    const { program } = await start(t, 'private');
    const tasks = `/proc/${program.pid}/task`;
    assert.ok(readdirSync(tasks).length > 3);
    const groups = idOf('-G', user)
      .split(' ')
      .map(Number)
      .sort((a, b) => a - b);
    for (const task of readdirSync(tasks)) {
      const status = readFileSync(`${tasks}/${task}/status`, 'utf8');
      const line = (name: string): string =>
        new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(status)?.[1] ?? 'none';
      assert.equal(line('Uid'), Array(4).fill(uid).join('\t'));
      assert.equal(line('Gid'), Array(4).fill(gid).join('\t'));
      assert.deepEqual(
        line('Groups')
          .split(' ')
          .map(Number)
          .sort((a, b) => a - b),
        groups,
      );
      assert.match(line('CapEff'), /^0+$/);
      assert.match(line('CapPrm'), /^0+$/);
    }
  },
);

test('what only root may open is open: port, key, logs, temporary files', { skip }, async (t) => {
  const { folder, port, upstream } = await start(t, 'private');
  const body = 'x'.repeat(100_000);
  const answer = await request({ ...target(port), method: 'POST', body });
  assert.equal(answer.status, 200);
  assert.equal(upstream.requests[0]?.body.toString(), body, 'it waited in a file');
  await eventually('the access log', () =>
    readFileSync(path.join(folder, 'logs/access.log'), 'utf8').includes('POST'),
  );
  for (const name of ['logs/access.log', 'client_body_temp']) {
    assert.equal(statSync(path.join(folder, name)).uid, uid, name);
  }
  assert.equal(statSync(path.join(folder, 'client_body_temp')).mode & 0o777, 0o700);
  assert.equal(statSync(path.join(folder, 'private/a.key')).uid, 0, 'keys stay as they are');
});

test('a reload keeps a key in a folder that is root’s alone, and says so', { skip }, async (t) => {
  const site = await start(t, 'private');
  const before = await shown(site.port);
  const news = await reload(site);
  assert.match(news, /\[warn\].*a\.key" cannot be read any more: what it held before stays in use/);
  assert.doesNotMatch(news, /\[(emerg|error|alert)\]/);
  assert.equal(await shown(site.port), before);
  assert.match(await reload(site), /listening on/, 'once more');
});

test('a key that can be seen to be the same is kept, another is refused', { skip }, async (t) => {
  const site = await start(t, 'open');
  const before = await shown(site.port);
  const news = await reload(site);
  assert.match(news, /listening on/);
  assert.doesNotMatch(news, /cannot be read any more/);
  writeIn(site.folder, 'open/a.key', renewed.keyPem);
  writeIn(site.folder, 'open/a.pem', renewed.certificatePem);
  const refused = await reload(site);
  assert.match(refused, /a\.key": it has changed, and the user .* must not read it: let a group/);
  assert.equal(await shown(site.port), before, 'all goes on as before');
  chownSync(path.join(site.folder, 'open/a.key'), 0, gid);
  chmodSync(path.join(site.folder, 'open/a.key'), 0o640);
  await reload(site);
  await eventually('the new certificate', async () => (await shown(site.port)) !== before);
});

test('a configuration that has changed unseen is not passed over', { skip }, async (t) => {
  const site = await start(t, 'open');
  const file = path.join(site.folder, 'sallyport.conf');
  chmodSync(file, 0o600);
  assert.match(await reload(site), /listening on/, 'it is seen to be the same');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('worker_processes 2', 'worker_processes 1'),
  );
  assert.match(await reload(site), /sallyport\.conf" failed \(it has changed, and the user/);
  chmodSync(site.folder, 0o700);
  const news = await reload(site);
  assert.match(news, /sallyport\.conf" failed \(13: Permission denied\)/);
  chmodSync(site.folder, 0o755);
  chmodSync(file, 0o644);
  assert.match(await reload(site), /listening on/);
});

test('logs are opened anew where they were made for the user', { skip }, async (t) => {
  const { program, folder, port } = await start(t, 'open');
  const file = path.join(folder, 'logs/access.log');
  renameSync(file, `${file}.1`);
  writeFileSync(file, '');
  chownSync(file, uid, gid);
  process.kill(program.pid, 'SIGUSR1');
  await eventually('a line in the new file', async () => {
    await request(target(port));
    return readFileSync(file, 'utf8') !== '';
  });
  assert.equal(count(program.errorLog(), '[alert]'), 0);
});

test('nobody at all can run it, on a port from 1024', { skip }, async (t) => {
  const folder = tempFolder(t);
  chownSync(folder, 65_534, 65_534);
  const port = await freePort();
  const file = writeIn(
    folder,
    'sallyport.conf',
    `daemon off; pid s.pid; error_log error.log notice; events {}
    http { server { listen 127.0.0.1:${port}; location / { return 200 fine; } } }`,
  );
  const args = [path.join(repository, 'bin/sallyport'), '-p', folder, '-c', file];
  const child = spawn(process.execPath, args, { uid: 65_534, gid: 65_534, stdio: 'ignore' });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const log = (): string => {
    const name = path.join(folder, 'error.log');
    return existsSync(name) ? readFileSync(name, 'utf8') : '';
  };
  await eventually('the start', () => log().includes('listening on'), 20_000);
  assert.equal((await request({ port })).body.toString(), 'fine');
  child.kill('SIGHUP');
  await eventually('the reload', () => count(log(), 'listening on') === 2);
  assert.doesNotMatch(log(), /\[(emerg|alert|crit|error)\]/);
  child.kill('SIGQUIT');
  await ended;
  assert.equal(child.exitCode, 0);
  assert.ok(!existsSync(path.join(folder, 's.pid')));
});
