// Loaded into every thread of the proxy under test (NODE_OPTIONS=--import=…): a door by which a test
// makes a thread die, or asks what it holds. Each thread listens on a socket in a folder of the test.

import { createServer } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, threadId } from 'node:worker_threads';

const folder = process.env['SALLYPORT_CHAOS_FOLDER'];

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  // What a finished handle held goes with the collection after the next.
  for (let i = 0; i < 3; i += 1) gc();
}

function held(): string {
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return JSON.stringify({
    heapUsed,
    external,
    arrayBuffers,
    handles: process.getActiveResourcesInfo().length,
  });
}

const deaths: Readonly<Record<string, () => void>> = {
  throw: () => {
    throw new Error('chaos: thrown');
  },
  reject: () => void Promise.reject(new Error('chaos: rejected')),
  exit: () => process.exit(7),
};

if (folder !== undefined) {
  const name = isMainThread ? 'main' : `worker-${threadId}`;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (command: Buffer) => {
      const death = deaths[command.toString()];
      if (death === undefined) socket.end(held());
      else setImmediate(death);
    });
  });
  server.on('error', () => undefined);
  server.listen(join(folder, `${name}.sock`));
  server.unref();
}
