// The process: directives of the main and events contexts.

import path from 'node:path';
import { blockDirective, directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import {
  custom,
  flag,
  number,
  offset,
  parseNumber,
  path as pathValue,
  singleValue,
  time,
} from '../config/value-types.ts';
import { inEvents, inMain } from './contexts.ts';
import { errorLog, errorLogHosts, processErrorLog, type ErrorLogLine } from './error-log.ts';
import type { Module } from './module.ts';

/** What the supervisor needs to know. Times are milliseconds. */
export interface ProcessSettings {
  readonly daemon: boolean;
  readonly masterProcess: boolean;
  readonly pid: string;
  readonly user: { readonly user: string; readonly group: string | null } | null;
  readonly workerProcesses: number | 'auto';
  readonly workerShutdownTimeout: number;
  readonly workingDirectory: string | null;
  /** `worker_rlimit_nofile`; null leaves the limit alone. */
  readonly openFiles: number | null;
  /** `worker_rlimit_core`, in bytes; null leaves the limit alone. */
  readonly coreSize: number | null;
  /** `worker_priority`: 0 is the usual one, less is more. */
  readonly priority: number;
  readonly errorLog: readonly ErrorLogLine[];
}

export const daemon = directive({
  name: 'daemon',
  contexts: inMain,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether to go into the background. The command returns once the sockets listen.',
  example: 'daemon off;',
});

export const masterProcess = directive({
  name: 'master_process',
  contexts: inMain,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Off: the whole data path runs in the main thread, without worker threads.',
  example: 'master_process off;',
});

export const pid = directive({
  name: 'pid',
  contexts: inMain,
  args: 1,
  value: pathValue('prefix'),
  default: '',
  defaultText: 'sallyport.pid',
  help: 'File with the process number, written once the sockets listen and removed at the end.',
  differs: 'by default sallyport.pid in the prefix, which needs no folder of its own',
  example: 'pid /run/sallyport.pid;',
});

const userValue: ValueType<{ user: string; group: string | null }> = {
  expects: 'a user and, if it differs, a group',
  parse: (node) => ({ user: node.args[0]?.text ?? '', group: node.args[1]?.text ?? null }),
};

export const user = directive<{ user: string; group: string | null } | null>({
  name: 'user',
  contexts: inMain,
  args: { min: 1, max: 2 },
  value: userValue,
  default: null,
  help: 'User and group to run as once sockets, keys and logs are open. Needs a start as root.',
  differs: 'without the directive a process started as root stays root, and says so in the log',
  example: 'user www-data www-data;',
});

const workers: ValueType<number | 'auto'> = custom('a number from 1, or "auto"', (node, help) => {
  const text = node.args[0]?.text ?? '';
  if (text === 'auto') return 'auto';
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  help.error(
    node.args[0]?.at ?? node.at,
    '"worker_processes" directive invalid value',
    'write a number or "auto"',
  );
  return null;
});

export const workerProcesses = directive<number | 'auto'>({
  name: 'worker_processes',
  contexts: inMain,
  args: 1,
  value: workers,
  default: 1,
  defaultText: '1',
  help: 'Number of worker threads; "auto" starts one for each processor.',
  differs: 'workers are threads of one process',
  example: 'worker_processes auto;',
});

export const workerShutdownTimeout = directive({
  name: 'worker_shutdown_timeout',
  contexts: inMain,
  args: 1,
  value: time,
  default: 0,
  help: 'After this time a graceful shutdown cuts what is still under way. 0: no limit.',
  example: 'worker_shutdown_timeout 30s;',
});

export const workingDirectory = directive<string | null>({
  name: 'working_directory',
  contexts: inMain,
  args: 1,
  value: pathValue('prefix'),
  default: null,
  help: 'Current directory of the process.',
  example: 'working_directory /var/lib/sallyport;',
});

const wholeProcess = 'set for the whole process, as workers are its threads';

export const workerRlimitNofile = directive<number | null>({
  name: 'worker_rlimit_nofile',
  contexts: inMain,
  args: 1,
  value: number(),
  default: null,
  help: 'How many files, sockets among them, the process may have open. Needs prlimit(1).',
  differs: wholeProcess,
  example: 'worker_rlimit_nofile 65536;',
});

export const workerRlimitCore = directive<number | null>({
  name: 'worker_rlimit_core',
  contexts: inMain,
  args: 1,
  value: offset,
  default: null,
  help: 'How large a core file of the process may be. Needs prlimit(1).',
  differs: wholeProcess,
  example: 'worker_rlimit_core 500m;',
});

export const workerPriority = directive({
  name: 'worker_priority',
  contexts: inMain,
  args: 1,
  value: singleValue(
    'a number from -20 to 19',
    (given) => (/^-?\d{1,2}$/.test(given) ? Number(given) : null),
    (name) => `"${name}" directive invalid number`,
  ),
  default: 0,
  defaultText: '0',
  help: 'Priority of the process as for nice(1): the less, the more time it gets.',
  differs: wholeProcess,
  example: 'worker_priority -5;',
});

export const events = blockDirective({
  name: 'events',
  contexts: inMain,
  args: 0,
  opens: 'events',
  once: true,
  help: 'Directives about connection processing.',
  example: 'events {\n' + '  worker_connections 4096;\n' + '}',
});

export const workerConnections = directive({
  name: 'worker_connections',
  contexts: inEvents,
  args: 1,
  value: singleValue(
    'a whole number of at least 1',
    (given) => parseNumber(given) || null,
    (_, given) => `invalid number "${given}"`,
  ),
  default: 512,
  defaultText: '512',
  help:
    'Connections at once in each worker: clients in their handshake or after it, and upstream ' +
    'servers. From fifteen sixteenths of it on idle ones are closed, clients first; with none idle a ' +
    'client too many is closed, and a request without a connection for its upstream answered 500.',
  differs:
    'listening sockets are not counted; near the limit of open files the same is done, and no client ' +
    'waits in the backlog',
  example: 'worker_connections 4096;',
});

export const http = blockDirective({
  name: 'http',
  contexts: inMain,
  args: 0,
  opens: 'http',
  once: true,
  help: 'The HTTP configuration.',
  example: 'http {\n' + '  server {\n' + '    listen 80;\n' + '  }\n' + '}',
});

/** `env` has nothing to do where workers are threads of one process and share its environment. */
export const env = {
  ...listDirective({
    name: 'env',
    contexts: inMain,
    args: 1,
    value: custom('a variable', (node) => node.args[0]?.text ?? ''),
    help: 'Accepted without effect.',
  }),
  withoutEffect: 'workers are threads and see the environment of the process as it is',
};

/** Reads the settings of the process out of the main scope. */
export function processSettings(
  scope: Scope,
  place: {
    readonly prefix: string;
    readonly errorLogOverride?: string;
    /** Numeric addresses of every host name in the configuration. */
    readonly addresses: ReadonlyMap<string, readonly string[]>;
  },
): ProcessSettings {
  const pidFile = scope.get(pid);
  return {
    daemon: scope.get(daemon),
    masterProcess: scope.get(masterProcess),
    pid: pidFile === '' ? path.join(place.prefix, 'sallyport.pid') : pidFile,
    user: scope.get(user),
    workerProcesses: scope.get(workerProcesses),
    workerShutdownTimeout: scope.get(workerShutdownTimeout),
    workingDirectory: scope.get(workingDirectory),
    openFiles: scope.get(workerRlimitNofile),
    coreSize: scope.get(workerRlimitCore),
    priority: scope.get(workerPriority),
    errorLog: processErrorLog(scope, place.errorLogOverride ?? null, place.addresses),
  };
}

export const mainModule: Module = {
  name: 'main',
  directives: [
    daemon,
    masterProcess,
    workerRlimitNofile,
    workerRlimitCore,
    workerPriority,
    pid,
    user,
    workerProcesses,
    workerShutdownTimeout,
    workingDirectory,
    env,
    errorLog,
    events,
    workerConnections,
    http,
  ],
  hosts: errorLogHosts,
};
