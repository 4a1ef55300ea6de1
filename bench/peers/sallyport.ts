// Sallyport itself, from this folder or from a copy of another version of it.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../processes.ts';
import { proxyConfig } from './nginx-config.ts';
import type { Peer } from './peer.ts';

/** The project's folder. */
export const home = join(import.meta.dirname, '..', '..');

/** A peer out of a folder that has `bin/sallyport`; the launcher takes `dist` where it is fresh. */
export function sallyportIn(root: string, name: string): Peer {
  const launcher = join(root, 'bin', 'sallyport');
  return {
    name,
    unavailable: () => (existsSync(launcher) ? null : `${launcher} does not exist`),
    start(setup) {
      const file = join(setup.folder, 'sallyport.conf');
      writeFileSync(file, proxyConfig(setup));
      return startServer({
        command: [process.execPath, ...setup.nodeArgs, launcher, '-c', file],
        port: setup.port,
        folder: setup.folder,
      });
    },
  };
}

export const sallyport = sallyportIn(home, 'sallyport');
