// `node node-client-program.ts ORDER`: keeps N connections busy for some seconds, each with one
// request at a time, and prints a result as JSON.

import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { TLSSocket, connect as connectTls, createSecureContext } from 'node:tls';
import type { Workload } from '../workloads.ts';

interface Order {
  readonly workload: Workload;
  readonly port: number;
  readonly seconds: number;
  readonly caFile: string;
}

const { workload, port, seconds, caFile } = JSON.parse(process.argv[2] ?? '') as Order;
// One group that every TLS library has: a post-quantum key share would cost only those that know it.
const tlsOptions = {
  secureContext: createSecureContext({
    ca: readFileSync(caFile),
    ecdhCurve: 'X25519',
    minVersion: 'TLSv1.3',
  }),
  servername: 'localhost',
  rejectUnauthorized: true,
} as const;
const method = workload.uploadBytes > 0 ? 'POST' : 'GET';
const close = workload.newConnections ? 'Connection: close\r\n' : '';
const length = workload.uploadBytes > 0 ? `Content-Length: ${workload.uploadBytes}\r\n` : '';
const head = `${method} ${workload.path} HTTP/1.1\r\nHost: localhost:${port}\r\n${close}${length}\r\n`;
const message = Buffer.from(head + 'x'.repeat(workload.uploadBytes));

const started = performance.now();
const deadline = started + seconds * 1000;
let requests = 0;
let errors = 0;
let firstError: string | null = null;

function fail(reason: string): void {
  errors += 1;
  firstError ??= reason;
}

function dial(): Socket {
  const place = { port, host: '127.0.0.1', noDelay: true };
  return workload.clientTls ? connectTls({ ...place, ...tlsOptions }) : connectTcp(place);
}

/** One connection: requests until the deadline, or one request where each is to have its own. */
function converse(): Promise<void> {
  return new Promise((resolve) => {
    const socket = dial();
    let text = '';
    let missing = -1;
    const ask = (): void => {
      text = '';
      missing = -1;
      socket.write(message);
    };
    const answered = (): void => {
      requests += 1;
      if (!workload.newConnections && performance.now() < deadline) ask();
      else socket.end();
    };
    socket.once(workload.clientTls ? 'secureConnect' : 'connect', () => {
      if (socket instanceof TLSSocket && socket.isSessionReused()) fail('a session was resumed');
      ask();
    });
    socket.on('data', (chunk: Buffer) => {
      if (missing < 0) {
        text += chunk.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!text.startsWith('HTTP/1.1 200')) fail(text.slice(0, 40));
        missing = workload.answerBytes - (text.length - end - 4);
      } else {
        missing -= chunk.length;
      }
      if (missing === 0) answered();
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error('timeout')));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => {
      if (missing !== 0) fail('closed before the answer was complete');
      resolve();
    });
  });
}

async function keepBusy(): Promise<void> {
  while (performance.now() < deadline) await converse();
}

await Promise.all(Array.from({ length: workload.connections }, keepBusy));
const elapsed = (performance.now() - started) / 1000;
process.stdout.write(JSON.stringify({ requests, errors, seconds: elapsed, firstError }));
