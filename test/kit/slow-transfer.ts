// One large transfer through the program, fast on one side and slow on the other, and how much memory
// the program needed for it. For the test (some seconds of slowness) and for scripts/memory.ts (slow
// all the time).

import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { startProgram } from './program.ts';
import { atEnd, type Scope } from './scope.ts';

/** A way in which a body waits, or does not. */
export interface TransferMode {
  readonly name: string;
  /** Where the body goes: down to a slow client, or up to a slow server. */
  readonly direction: 'download' | 'upload';
  /** Which side of an upload is the slow one. Default: the server. */
  readonly slow?: 'client';
  readonly directives: string;
}

export const transferModes: readonly TransferMode[] = [
  { name: 'download by way of a file', direction: 'download', directives: '' },
  {
    name: 'download held back by proxy_buffers',
    direction: 'download',
    directives: 'proxy_max_temp_file_size 0;',
  },
  {
    name: 'download held back at once',
    direction: 'download',
    directives: 'proxy_buffering off;',
  },
  { name: 'upload by way of a file', direction: 'upload', directives: '' },
  {
    name: 'upload held back by the server',
    direction: 'upload',
    directives: 'proxy_request_buffering off;',
  },
  {
    name: 'upload by way of a file from a slow client',
    direction: 'upload',
    slow: 'client',
    directives: '',
  },
  {
    name: 'upload from a slow client',
    direction: 'upload',
    slow: 'client',
    directives: 'proxy_request_buffering off;',
  },
];

export interface Pace {
  readonly totalBytes: number;
  /** Of the slow side. */
  readonly bytesPerSecond: number;
  /** After this long it is as fast as it can be. */
  readonly slowMs: number;
}

export interface Measured {
  /** Bytes that arrived at the far end. */
  readonly arrived: number;
  /** The most memory above that of the idle program, in bytes. */
  readonly growth: number;
}

const slotMs = 20;
const block = Buffer.alloc(1_000_000, 'sallyport ');

/** Memory that is the process's own, not that of files. */
function ownMemory(pid: number): number {
  const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) * 1024;
}

/** Sends so many bytes; slowly where there is a pace. */
async function send(socket: Socket, total: number, pace: Pace | null): Promise<void> {
  const begun = Date.now();
  let sent = 0;
  while (sent < total && !socket.destroyed) {
    const slow = pace !== null && Date.now() - begun < pace.slowMs;
    const size = slow ? Math.ceil((pace.bytesPerSecond * slotMs) / 1000) : block.length;
    const piece = block.subarray(0, Math.min(size, total - sent));
    sent += piece.length;
    if (slow) await sleep(slotMs);
    if (!socket.write(piece)) {
      await new Promise<void>((resolve) => {
        const goOn = (): void => {
          socket.removeListener('drain', goOn);
          socket.removeListener('close', goOn);
          resolve();
        };
        socket.once('drain', goOn);
        socket.once('close', goOn);
      });
    }
  }
}

/** Counts what comes, slowly where there is a pace. `onBytes` gets every chunk. */
function take(socket: Socket, pace: Pace | null, onBytes: (chunk: Buffer) => void): void {
  const begun = Date.now();
  let taken = 0;
  socket.on('data', (chunk: Buffer) => {
    taken += chunk.length;
    onBytes(chunk);
    if (pace === null || Date.now() - begun > pace.slowMs) return;
    const ahead = (taken / pace.bytesPerSecond) * 1000 - (Date.now() - begun);
    if (ahead <= slotMs) return;
    socket.pause();
    setTimeout(
      () => socket.resume(),
      Math.min(ahead, Math.max(pace.slowMs - (Date.now() - begun), 1)),
    );
  });
}

interface Far {
  readonly address: string;
  /** Bytes of bodies that it has received. */
  received: number;
}

// The server: answers with a body, or counts one and then answers.
async function startFar(mode: TransferMode, pace: Pace, scope: Scope): Promise<Far> {
  const far = { address: '', received: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (mode.direction === 'download') {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${pace.totalBytes}\r\n\r\n`);
        void send(socket, pace.totalBytes, null);
      });
      return;
    }
    let head = true;
    take(socket, mode.slow === 'client' ? null : pace, (chunk) => {
      const skipped = head ? chunk.indexOf('\r\n\r\n') + 4 : 0;
      head = false;
      far.received += chunk.length - skipped;
      if (far.received >= pace.totalBytes) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  atEnd(scope, () => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  far.address = `127.0.0.1:${port}`;
  return far;
}

async function download(port: number, pace: Pace): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  let arrived = 0;
  let head = true;
  take(socket, pace, (chunk) => {
    const skipped = head ? chunk.indexOf('\r\n\r\n') + 4 : 0;
    head = false;
    arrived += chunk.length - skipped;
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await closed;
  return arrived;
}

async function upload(port: number, mode: TransferMode, pace: Pace, far: Far): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  const answered = new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('close', () => resolve());
  });
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${pace.totalBytes}\r\n\r\n`);
  await send(socket, pace.totalBytes, mode.slow === 'client' ? pace : null);
  await answered;
  socket.destroy();
  return far.received;
}

/** Runs one transfer in a program of its own. */
export async function measureTransfer(
  mode: TransferMode,
  pace: Pace,
  scope: Scope,
): Promise<Measured> {
  const far = await startFar(mode, pace, scope);
  const port = await freePort();
  const program = await startProgram(
    `master_process off; events { }
http {
  client_max_body_size 0;
  send_timeout 10m; proxy_send_timeout 10m; proxy_read_timeout 10m; client_body_timeout 10m;
  server { listen 127.0.0.1:${port}; location / { ${mode.directives} proxy_pass http://${far.address}; } }
}`,
    { scope },
  );
  const idle = ownMemory(program.pid);
  let peak = idle;
  const sampler = setInterval(() => (peak = Math.max(peak, ownMemory(program.pid))), 10);
  try {
    const arrived =
      mode.direction === 'download'
        ? await download(port, pace)
        : await upload(port, mode, pace, far);
    return { arrived, growth: peak - idle };
  } finally {
    clearInterval(sampler);
    await program.stop();
  }
}
