// The whole program as a process over the real data path: signals, pid file, daemon.

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../bin/sallyport', import.meta.url));

interface Setup {
  readonly folder: string;
  readonly port: number;
  /** Writes the configuration: a server that answers with this text. */
  configure(answer: string, extra?: string): void;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function setUp(context: TestContext): Promise<Setup> {
  const folder = mkdtempSync(join(tmpdir(), 'serve-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const port = await freePort();
  const configure = (answer: string, extra = 'daemon off;'): void => {
    writeFileSync(
      join(folder, 'a.conf'),
      `${extra}
       pid a.pid;
       error_log error.log notice;
       events {}
       http {
         access_log access.log;
         server { listen 127.0.0.1:${port}; location / { return 200 "${answer}"; } }
       }`,
    );
  };
  return { folder, port, configure };
}

function command(folder: string, ...args: readonly string[]) {
  const options = { encoding: 'utf8', cwd: folder } as const;
  return spawnSync(process.execPath, [program, '-p', '.', '-c', 'a.conf', ...args], options);
}

function start(context: TestContext, folder: string): ChildProcess {
  const args = [program, '-c', 'a.conf'];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  return child;
}

async function ask(port: number): Promise<string | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    return await response.text();
  } catch {
    return null;
  }
}

/** Asks until the answer is this one; the runner's time limit ends it otherwise. */
async function untilAnswer(port: number, wanted: string | null): Promise<void> {
  while ((await ask(port)) !== wanted) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function untilExists(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20));
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
  test(`${signal} ends a proxy in the foreground with 0 and removes its pid file`, async (context) => {
    const { folder, port, configure } = await setUp(context);
    configure('first');
    const child = start(context, folder);
    await untilAnswer(port, 'first');
    assert.equal(readFileSync(join(folder, 'a.pid'), 'utf8'), `${child.pid}\n`);
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(existsSync(join(folder, 'a.pid')), false);
  });
}

test('-s reload puts a new configuration in force, and not one with errors', async (context) => {
  const { folder, port, configure } = await setUp(context);
  configure('first');
  start(context, folder);
  await untilAnswer(port, 'first');
  configure('second');
  assert.equal(command(folder, '-s', 'reload').status, 0);
  await untilAnswer(port, 'second');
  const pid = Number(readFileSync(join(folder, 'a.pid'), 'utf8'));
  configure('third', 'no_such_directive on;');
  process.kill(pid, 'SIGHUP');
  const log = join(folder, 'error.log');
  while (!readFileSync(log, 'utf8').includes('unknown directive "no_such_directive"')) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(await ask(port), 'second');
});

test('-s reopen writes into new log files', async (context) => {
  const { folder, port, configure } = await setUp(context);
  configure('first');
  start(context, folder);
  await untilAnswer(port, 'first');
  const log = join(folder, 'access.log');
  renameSync(log, join(folder, 'access.log.1'));
  assert.equal(command(folder, '-s', 'reopen').status, 0);
  await untilExists(log);
});

test('a daemon serves when the command returns, and ends at -s quit', async (context) => {
  const { folder, port, configure } = await setUp(context);
  configure('first', 'worker_processes 2;');
  const { status, stdout, stderr } = command(folder);
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  assert.equal(await ask(port), 'first');
  const second = command(folder);
  assert.equal(second.status, 1);
  assert.equal(
    second.stderr,
    `sallyport: [emerg] bind() to 127.0.0.1:${port} failed (98: Address already in use)\n`,
  );
  assert.equal(await ask(port), 'first');
  assert.equal(command(folder, '-s', 'quit').status, 0);
  while (existsSync(join(folder, 'a.pid'))) await new Promise((resolve) => setTimeout(resolve, 20));
});

test('-s says as nginx does that nothing runs', async (context) => {
  const { folder, configure } = await setUp(context);
  configure('first');
  const { status, stderr } = command(folder, '-s', 'stop');
  const pid = join(folder, 'a.pid');
  assert.equal(status, 1);
  assert.equal(
    stderr,
    `sallyport: [error] open() "${pid}" failed (2: No such file or directory)\n`,
  );
});

test('-t says whether the configuration is good, -T shows it as well', async (context) => {
  const { folder, configure } = await setUp(context);
  configure('first');
  const file = join(folder, 'a.conf');
  const good = command(folder, '-t');
  assert.deepEqual([good.status, good.stdout], [0, '']);
  assert.equal(
    good.stderr,
    `sallyport: the configuration file ${file} syntax is ok\n` +
      `sallyport: configuration file ${file} test is successful\n`,
  );
  const dumped = command(folder, '-Tq');
  assert.equal(dumped.stdout, `# configuration file ${file}:\n${readFileSync(file, 'utf8')}\n`);
  assert.equal(dumped.stderr, '');
  configure('first', 'no_such_directive on;');
  const bad = command(folder, '-t');
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /^sallyport: \[emerg\] unknown directive "no_such_directive" in /);
  assert.ok(bad.stderr.endsWith(`sallyport: configuration file ${file} test failed\n`));
});

test('an environment that switches verification off refuses to start', async (context) => {
  const { folder, configure } = await setUp(context);
  configure('first');
  const { status, stderr } = spawnSync(process.execPath, [program, '-c', 'a.conf'], {
    encoding: 'utf8',
    cwd: folder,
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  });
  assert.equal(status, 1);
  assert.match(stderr, /\[emerg\] NODE_TLS_REJECT_UNAUTHORIZED=0 /);
});
