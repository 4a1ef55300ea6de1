// Real nginx, as the oracle: one process, everything it writes inside one folder, gone when the
// test is over. The configuration is a complete one (`events {}`, `http { … }`); what keeps nginx
// inside the folder is added to its first lines without moving any line number.

import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';
import { tempFolder, writeIn } from './temp-folder.ts';

/** The nginx binary; null where none is installed. */
export const nginxPath: string | null = findNginx();

/** For `test(name, { skip: !nginxAvailable }, …)`. */
export const nginxAvailable = nginxPath !== null;

/** An nginx that serves. */
export interface RunningNginx {
  /** Its prefix: relative paths in the configuration are inside. */
  readonly folder: string;
  readonly pid: number;
  /** What its error log holds so far (level info). */
  errorLog(): string;
  /** What `access.log` holds so far; nothing where the configuration logs elsewhere. */
  accessLog(): string;
  /** Ends it at once and waits for its end. */
  stop(): Promise<void>;
}

export interface NginxOptions {
  /** Default: a new temporary folder. */
  readonly folder?: string;
  readonly scope?: Scope | undefined;
}

const startLimitMs = 5000;

/** Starts nginx and waits until it listens. Rejects with its own words where it refuses. */
export async function startNginx(
  configText: string,
  options: NginxOptions = {},
): Promise<RunningNginx> {
  const folder = options.folder ?? tempFolder(options.scope);
  const child = launch(prepare(configText, folder), folder);
  atEnd(options.scope, () => stop(child));
  // The pid file is written after the sockets are bound, before the first event.
  const pidFile = join(folder, 'nginx.pid');
  const deadline = Date.now() + startLimitMs;
  while (!existsSync(pidFile)) {
    if (child.exitCode !== null) throw new Error(`nginx refuses: ${read(folder, 'error.log')}`);
    if (Date.now() > deadline)
      throw new Error(`nginx does not start: ${read(folder, 'error.log')}`);
    await sleep(5);
  }
  return {
    folder,
    pid: child.pid ?? 0,
    errorLog: () => read(folder, 'error.log'),
    accessLog: () => read(folder, 'access.log'),
    stop: () => stop(child),
  };
}

/** What `nginx -t` says of a configuration. */
export interface ConfigVerdict {
  readonly ok: boolean;
  /** The messages, without time and process number; the file is called `nginx.conf`. */
  readonly messages: string[];
}

/** Lets nginx check a configuration without starting it. */
export function checkConfig(configText: string, options: NginxOptions = {}): ConfigVerdict {
  const folder = options.folder ?? tempFolder(options.scope);
  const args = nginxArguments(prepare(configText, folder), folder);
  const { status, stderr } = spawnSync(nginxPath ?? 'nginx', ['-t', ...args], { encoding: 'utf8' });
  return { ok: status === 0, messages: messagesIn(stderr, folder) };
}

/** The same without waiting, for many of them: each at a time in a folder of its own. */
export function checkConfigLater(configText: string, folder: string): Promise<ConfigVerdict> {
  const args = nginxArguments(prepare(configText, folder), folder);
  return new Promise((resolve) => {
    execFile(nginxPath ?? 'nginx', ['-t', ...args], { encoding: 'utf8' }, (error, _, stderr) => {
      resolve({ ok: error === null, messages: messagesIn(stderr, folder) });
    });
  });
}

function messagesIn(output: string, folder: string): string[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('nginx: ['))
    .map((line) => line.slice('nginx: '.length).replaceAll(`${folder}/`, ''));
}

function findNginx(): string | null {
  const folders = ['/usr/sbin', '/usr/local/sbin', ...(process.env['PATH'] ?? '').split(delimiter)];
  for (const folder of folders) {
    const path = join(folder, 'nginx');
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next folder.
    }
  }
  return null;
}

function prepare(configText: string, folder: string): string {
  mkdirSync(join(folder, 'temp'), { recursive: true });
  return writeIn(folder, 'nginx.conf', confine(configText, folder));
}

function confine(configText: string, folder: string): string {
  const main = ['daemon off;', 'master_process off;', `pid ${folder}/nginx.pid;`];
  if (process.getuid?.() === 0) main.push('user root;');
  if (!/^\s*error_log\s/m.test(configText)) main.push(`error_log ${folder}/error.log info;`);
  const absent = main.filter((line) => !hasDirective(configText, line.split(' ')[0] ?? ''));
  const http = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .filter((name) => !hasDirective(configText, `${name}_temp_path`))
    .map((name) => `${name}_temp_path ${folder}/temp/${name};`);
  if (!hasDirective(configText, 'access_log')) http.push(`access_log ${folder}/access.log;`);
  const confined = configText.replace(/^(\s*http\s*\{)/m, (_, open: string) =>
    [open, ...http].join(' '),
  );
  return `${absent.join(' ')} ${confined}`;
}

function hasDirective(configText: string, name: string): boolean {
  return new RegExp(`(^|[;{}])\\s*${name}\\s`, 'm').test(configText);
}

function nginxArguments(configFile: string, folder: string): string[] {
  return ['-p', `${folder}/`, '-c', configFile, '-e', join(folder, 'error.log')];
}

// A test process that ends without its hooks (a thrown error at the top level) must not leave its
// servers behind.
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function launch(configFile: string, folder: string): ChildProcess {
  if (nginxPath === null) throw new Error('nginx is not installed');
  const child = spawn(nginxPath, nginxArguments(configFile, folder), { stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const last = setTimeout(() => child.kill('SIGKILL'), 3000);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(last);
}

function read(folder: string, name: string): string {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
