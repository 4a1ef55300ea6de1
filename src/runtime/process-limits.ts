// Limits and priority of the process: `worker_rlimit_nofile`, `worker_rlimit_core`, `worker_priority`.
// Workers are threads, so what nginx sets for its workers is set for the whole. Node.js has no call
// for limits: prlimit(1), of util-linux, changes those of a running process.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { ErrorLog } from '../log/error-log.ts';
import type { ProcessSettings } from '../modules/main.ts';

/** Applies what is set. What the system refuses is logged, and the proxy runs as it is. */
export function applyProcessLimits(
  settings: Pick<ProcessSettings, 'openFiles' | 'coreSize' | 'priority'>,
  log: ErrorLog,
): void {
  const { openFiles, coreSize, priority } = settings;
  if (openFiles !== null && !hasOpenFiles(openFiles)) {
    setLimit('nofile', openFiles, 'RLIMIT_NOFILE', log);
  }
  if (coreSize !== null) setLimit('core', coreSize, 'RLIMIT_CORE', log);
  if (priority !== 0) setPriority(priority, log);
}

// Node.js raises the soft limit to the hard one by itself.
function hasOpenFiles(wanted: number): boolean {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
    return soft === 'unlimited' || Number(soft) === wanted;
  } catch {
    return false;
  }
}

function setLimit(name: string, value: number, label: string, log: ErrorLog): void {
  try {
    execFileSync('prlimit', ['--pid', String(process.pid), `--${name}=${value}:${value}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 5_000,
    });
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[1] ?? error.message) : '';
    log.log('alert', `setrlimit(${label}, ${value}) failed (${why.trim()})`);
  }
}

function setPriority(priority: number, log: ErrorLog): void {
  try {
    os.setPriority(priority);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.log('alert', `setpriority(${priority}) failed (${why})`);
  }
}
