// `node idle-program.ts ORDER`: opens N connections, asks once on each and then holds them idle
// until standard input ends. Says `{"open":N}` when all are there.

import type { Socket } from 'node:net';
import { answerLength, dialer, requestFor } from './target.ts';
import type { Target } from './target.ts';

const order = JSON.parse(process.argv[2] ?? '') as Target & { readonly count: number };
const dial = dialer(order);
const request = requestFor(order);
const atOnce = 32;
const sockets: Socket[] = [];
let begun = 0;

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}

function open(): Promise<void> {
  return new Promise((resolve) => {
    let received = 0;
    let expected = 0;
    const socket = dial((bytes, size) => {
      if (received === 0) expected = answerLength(bytes, size);
      received += size;
      if (received >= expected) resolve();
    });
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('an idle connection was closed'));
    socket.write(request);
    sockets.push(socket);
  });
}

async function openMore(): Promise<void> {
  while (begun < order.count) {
    begun += 1;
    await open();
  }
}

await Promise.all(Array.from({ length: atOnce }, openMore));
console.log(JSON.stringify({ open: sockets.length }));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
