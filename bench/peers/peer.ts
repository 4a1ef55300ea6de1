// What the bench needs of a proxy. One file a proxy; the list is in `index.ts`.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Running } from '../processes.ts';
import type { ProxySetup } from '../setup.ts';

export interface Peer {
  readonly name: string;
  /** Null where it can run here, else why not. */
  unavailable(): string | null;
  /** Starts it with the workers asked for, an access log to a file, and kept, verified upstream connections. */
  start(setup: ProxySetup): Promise<Running>;
}

/** The reason why a program cannot run; null where it is installed. */
export function notInstalled(program: string): string | null {
  return findProgram(program) === null ? `${program} is not installed` : null;
}

/** Null where a package is installed, else why it cannot run. */
export function missingPackage(name: string): string | null {
  try {
    import.meta.resolve(name);
    return null;
  } catch {
    return `the package ${name} is not installed`;
  }
}

function findProgram(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  for (const folder of folders) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next folder.
    }
  }
  return null;
}
