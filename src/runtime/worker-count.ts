// How many workers, and which settings a reload cannot change.

import { availableParallelism } from 'node:os';
import type { ErrorLog } from '../log/error-log.ts';
import type { ProcessSettings } from '../modules/main.ts';
import { supportsReusePort } from './listen-sockets.ts';

/** How many workers to start with. */
export function workerCount(settings: ProcessSettings, log: ErrorLog): number {
  if (!settings.masterProcess) return 1;
  const wanted = settings.workerProcesses;
  const count = wanted === 'auto' ? availableParallelism() : wanted;
  if (count === 1 || supportsReusePort()) return count;
  log.log('warn', 'this system cannot share a port among sockets: one worker is started');
  return 1;
}

/** How many workers there are after a reload. */
export function workerCountAfterReload(
  old: ProcessSettings,
  fresh: ProcessSettings,
  log: ErrorLog,
): number {
  if (!old.masterProcess) return 1;
  return workerCount({ ...fresh, masterProcess: true }, log);
}

/** Names the changes that need a new start: what is decided when the process starts. */
export function noteFixedSettings(
  old: ProcessSettings,
  fresh: ProcessSettings,
  log: ErrorLog,
): void {
  const fixed = [
    ['user', JSON.stringify(old.user) !== JSON.stringify(fresh.user)],
    ['master_process', old.masterProcess !== fresh.masterProcess],
    ['working_directory', old.workingDirectory !== fresh.workingDirectory],
  ] as const;
  for (const [name, changed] of fixed) {
    if (changed) log.log('warn', `the new "${name}" takes effect at the next start`);
  }
}
