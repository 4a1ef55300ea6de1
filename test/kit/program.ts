// The program as users run it: `bin/sallyport -c FILE`, a process of its own with worker threads.

import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';
import { tempFolder, writeIn } from './temp-folder.ts';

const program = fileURLToPath(new URL('../../bin/sallyport', import.meta.url));
const startLimitMs = 20_000;

export interface ProgramOptions {
  /** Default: a new temporary folder. */
  readonly folder?: string;
  /** Set for the process beside the environment of the test. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command that ends with becoming the program: `prlimit`, `unshare`. Default: none. */
  readonly launcher?: readonly string[];
  /** Another than that of this folder, say a built one. */
  readonly program?: string;
  readonly scope?: Scope | undefined;
}

/** A process that serves. */
export interface RunningProgram {
  readonly folder: string;
  readonly pid: number;
  /** What `error.log` of the folder holds so far. */
  errorLog(): string;
  /** Sends SIGHUP. */
  reload(): void;
  /** Ends it and waits for its end. */
  stop(): Promise<void>;
}

function argumentsFor(configText: string, folder: string, options: ProgramOptions): string[] {
  const file = writeIn(folder, 'sallyport.conf', configText);
  return [options.program ?? program, '-p', folder, '-c', file];
}

function environment(options: ProgramOptions): NodeJS.ProcessEnv {
  return { ...process.env, ...options.env };
}

/**
 * Starts the program and waits until its workers serve. Where the configuration says nothing of
 * them, `daemon off`, a pid file and an error log in the folder are added on the first line.
 */
export async function startProgram(
  configText: string,
  options: ProgramOptions = {},
): Promise<RunningProgram> {
  const folder = options.folder ?? tempFolder(options.scope);
  const text = `daemon off; pid sallyport.pid; error_log error.log info; ${configText}`;
  const { launcher = [] } = options;
  const [file = '', ...args] = [
    ...launcher,
    process.execPath,
    ...argumentsFor(text, folder, options),
  ];
  const child = spawn(file, args, {
    env: environment(options),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  atEnd(options.scope, () => stop(child));
  const deadline = Date.now() + startLimitMs;
  while (!existsSync(join(folder, 'sallyport.pid')) || !log(folder).includes('listening on')) {
    if (child.exitCode !== null) throw new Error(`the program refuses: ${stderr}`);
    if (Date.now() > deadline) throw new Error(`the program does not start: ${stderr}`);
    await sleep(10);
  }
  return {
    folder,
    pid: child.pid ?? 0,
    errorLog: () => log(folder),
    reload: () => child.kill('SIGHUP'),
    stop: () => stop(child),
  };
}

/** What a run that ends by itself said. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program with more arguments (`-t`) until it ends. */
export function runProgram(
  configText: string,
  args: readonly string[],
  options: ProgramOptions = {},
): ProgramEnd {
  const folder = options.folder ?? tempFolder(options.scope);
  const all = [...argumentsFor(configText, folder, options), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, {
    encoding: 'utf8',
    env: environment(options),
    timeout: startLimitMs,
  });
  return { code: status, stdout, stderr };
}

function log(folder: string): string {
  const file = join(folder, 'error.log');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  const last = setTimeout(() => child.kill('SIGKILL'), 5000);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(last);
}
