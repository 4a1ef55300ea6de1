// What a worker thread gets as its environment: that of the process, and where compiled code is
// cached, which a thread does not take over by itself. Without it each would compile the program.

import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

/** For the option `env` of a thread. */
export function workerEnvironment(): NodeJS.ProcessEnv {
  const cache = getCompileCacheDir();
  if (cache === undefined) return process.env;
  // In the folder that it is given Node.js makes one for its version and the user, and tells that.
  return { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}
