// An address that never answers a connection attempt: a listening socket whose thread accepts
// nothing and whose queue is full, so that the kernel drops every further SYN.

import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { freePort } from './ports.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';

const listenAndSleep = `
const { createServer } = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
createServer().listen({ port: workerData, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage('listening');
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
});
`;

/** Connections that are sure to fill a queue of length 1. */
const fillers = 8;

/** The address as a configuration writes it; gone with `scope`. */
export async function blackhole(scope?: Scope): Promise<string> {
  const port = await freePort();
  const worker = new Worker(listenAndSleep, { eval: true, workerData: port });
  const sockets: Socket[] = [];
  atEnd(scope, async () => {
    for (const socket of sockets) socket.destroy();
    await worker.terminate();
  });
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  let connected = 0;
  for (let i = 0; i < fillers; i += 1) {
    const socket = connect(port, '127.0.0.1', () => (connected += 1));
    socket.on('error', () => undefined);
    sockets.push(socket);
  }
  // Those that the queue takes are connected at once; the others retry their SYN for long.
  for (let last = -1; last !== connected;) {
    last = connected;
    await sleep(30);
  }
  return `127.0.0.1:${port}`;
}
