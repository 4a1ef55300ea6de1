// A program whose process is replaced by another one: `bin/sallyport` with listeners of all kinds over
// an echo server, in the foreground or as a daemon, and what a test does to it.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { testPki } from './pki.ts';
import { freePorts } from './ports.ts';
import { runProgram, startProgram } from './program.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';
import { echoLocations, startEcho } from './steady-load.ts';
import { tempFolder, writeIn } from './temp-folder.ts';

const pki = await testPki();
/** For clients of its TLS listener. */
export const tls = { ca: pki.ca, servername: 'b.test' };
/** For whatever a test waits for. */
export const limitMs = 30_000;

/** Is there such a process, and has it not ended? */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** 0 where there is no such file. */
export function pidIn(file: string): number {
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

/** A process that may be replaced. */
export interface Replaceable {
  readonly folder: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly socketPath: string;
  readonly pid: number;
  errorLog(): string;
  configure(workers: number, extra?: string): void;
}

/** How it is started. */
export interface ReplaceableOptions {
  /** Default false: it stays in the foreground. */
  readonly daemon?: boolean;
}

/** Starts one that ends with `scope`, whatever it has been replaced by. */
export async function startReplaceable(
  scope: Scope,
  { daemon = false }: ReplaceableOptions = {},
): Promise<Replaceable> {
  const echo = await startEcho(scope);
  const folder = tempFolder(scope);
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const socketPath = join(folder, 'socket');
  const text = (workers: number, extra: string): string => `
daemon ${daemon ? 'on' : 'off'}; pid sallyport.pid; error_log error.log info; worker_processes ${workers}; ${extra}
events { }
http {
  access_log off;
  keepalive_min_timeout 1s;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    listen unix:${socketPath};
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location /workers { return 200 ${workers}; }
    location /pid { return 200 $pid; }
    ${echoLocations(echo.address)}
  }
}`;
  const pidFile = join(folder, 'sallyport.pid');
  // All that there may be at the end.
  atEnd(scope, async () => {
    for (const file of [pidFile, `${pidFile}.oldbin`]) {
      const pid = pidIn(file);
      if (pid === 0 || !alive(pid)) continue;
      process.kill(pid, 'SIGKILL');
      await eventually('its end', () => !alive(pid));
    }
  });
  const logFile = join(folder, 'error.log');
  const configure = (workers: number, extra = ''): void =>
    void writeIn(folder, 'sallyport.conf', text(workers, extra));
  let pid: number;
  if (daemon) {
    const { code, stderr } = runProgram(text(2, ''), [], { folder });
    assert.equal(code, 0, stderr);
    pid = pidIn(pidFile);
  } else ({ pid } = await startProgram(text(2, '').replace(/^\n.*;/, ''), { folder, scope }));
  const errorLog = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  return { folder, port, tlsPort, socketPath, pid, errorLog, configure };
}

/** Sends USR2 to a process and waits until the new one serves. */
export async function replace({ folder, errorLog }: Replaceable, old: number): Promise<number> {
  process.kill(old, 'SIGUSR2');
  const pid = await eventually(
    'the new pid file',
    () => {
      const now = pidIn(join(folder, 'sallyport.pid'));
      return now !== 0 && now !== old && now;
    },
    limitMs,
  );
  const line = `new binary process ${pid} serves`;
  await eventually('the line', () => errorLog().includes(line), limitMs);
  assert.equal(pidIn(join(folder, 'sallyport.pid.oldbin')), old);
  return pid;
}
