// Ports to listen on. Asking the kernel for port 0 and closing again gives numbers that any
// outgoing connection may take a moment later; these lie below the ephemeral range (on Linux from
// 32768), so only another test process that draws the same number could be in the way. All have
// five digits: replacing one by another in a message keeps its length.

import { createServer } from 'node:net';

const lowest = 12_000;
const count = 20_000;
const given = new Set<number>();

/** A TCP port on which nobody listens, never given twice in this process. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = lowest + Math.floor(Math.random() * count);
    if (given.has(port)) continue;
    given.add(port);
    if (await canListen(port)) return port;
  }
  throw new Error('no free port found');
}

/** Several free ports. */
export function freePorts(howMany: number): Promise<number[]> {
  return Promise.all(Array.from({ length: howMany }, freePort));
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
