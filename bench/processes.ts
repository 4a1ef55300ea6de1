// Starts the programs of a run and ends every one of them, whatever happens.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that serves. */
export interface Running {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ServerCommand {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** The port whose opening says that it is ready. */
  readonly port: number;
  /** Its working folder; standard output goes to `stdout.log` there, errors to `stderr.log`. */
  readonly folder: string;
}

const startLimitMs = 15_000;
const stopLimitMs = 5_000;
const children = new Set<ChildProcess>();
// SIGTERM, because an nginx master that is killed leaves its workers behind.
process.on('exit', () => {
  for (const child of children) child.kill('SIGTERM');
});

/** Starts a server and waits until it accepts connections; throws with its output otherwise. */
export async function startServer(options: ServerCommand): Promise<Running> {
  const { folder, port } = options;
  const [program, ...args] = options.command;
  const out = openSync(join(folder, 'stdout.log'), 'a');
  const err = openSync(join(folder, 'stderr.log'), 'a');
  const env = { ...process.env, ...options.env };
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', out, err] });
  closeSync(out);
  closeSync(err);
  children.add(child);
  child.once('exit', () => children.delete(child));
  let failure: Error | null = null;
  child.once('error', (error) => (failure = error));
  const deadline = Date.now() + startLimitMs;
  while (!(await accepts(port))) {
    const ended = failure !== null || child.exitCode !== null || child.signalCode !== null;
    if (ended || Date.now() > deadline) {
      await stop(child);
      const words = readFileSync(join(folder, 'stderr.log'), 'utf8').slice(-2000);
      throw new Error(`${program} does not serve: ${words}`, { cause: failure ?? undefined });
    }
    await sleep(20);
  }
  return { pid: child.pid ?? 0, stop: () => stop(child) };
}

/** Runs a program to its end; gives its standard output. Throws where it fails. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  children.delete(child);
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${errors || output}`);
  return output;
}

/** A helper of ours that runs until it is told to end, and says what it does in lines of JSON. */
export interface Helper {
  readonly pid: number;
  /** The next line; throws with its errors where it ends before. */
  nextLine(): Promise<string>;
  /** Closes its standard input and waits for its end. */
  end(): Promise<void>;
}

/** Starts one of our own programs beside the bench. */
export function startHelper(program: string, order: unknown): Helper {
  const args = ['--max-semi-space-size=64', program, JSON.stringify(order)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  children.add(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      children.delete(child);
      resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    async nextLine() {
      const { done, value } = await lines.next();
      if (done !== true) return value;
      await exited;
      throw new Error(`${program} ended early: ${errors.slice(-2000)}`);
    },
    async end() {
      child.stdin.end();
      const last = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
      await exited;
      clearTimeout(last);
    },
  };
}

/** Ends everything that runs, for an interrupted bench. */
export async function stopAll(): Promise<void> {
  await Promise.all([...children].map(stop));
}

/** A port on which nobody listens. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const done = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const last = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(last);
}
