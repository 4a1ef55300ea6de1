// The upstream server of the lab: plays the script of a form for a request that names a run, and
// answers every other request well, saying on which connection it came.

import type { Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { startRawServer } from '../../kit/raw-server.ts';
import type { Scope } from '../../kit/scope.ts';
import type { Form, Step } from './response-form.ts';

/** A connection to the server, as it sees it. */
export interface Served {
  readonly socket: Socket;
  /** The TCP socket: the same, or the one under TLS. */
  readonly raw: Socket;
  readonly index: number;
  /** The proxy has closed it, or its own side. */
  gone: boolean;
}

/** One play of a form for one client. */
export interface Run {
  readonly form: Form;
  /** Resolves when the client has got a byte. */
  readonly clientSaw: Promise<void>;
  /** Connections on which it was played; several where it was tried again. */
  readonly served: Served[];
}

export interface ScriptServer {
  readonly address: string;
  /** By the request target. */
  readonly runs: Map<string, Run>;
  /** The connection that served last. */
  readonly last: Served | null;
}

/** @param tls - null: plain */
export async function startScriptServer(
  scope: Scope,
  tls: TlsOptions | null,
): Promise<ScriptServer> {
  const runs = new Map<string, Run>();
  let index = 0;
  let last: Served | null = null;
  const begin = (socket: Socket, raw: Socket): void => {
    serve({ socket, raw, index: (index += 1), gone: false });
  };
  const underTls = new Map<number | undefined, Socket>();
  const secure = createTlsServer({ ...tls, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    begin(socket, underTls.get(socket.remotePort) ?? socket);
  });
  secure.on('tlsClientError', () => undefined);
  const server = await startRawServer(
    (raw) => {
      if (tls === null) {
        begin(raw, raw);
        return;
      }
      underTls.set(raw.remotePort, raw);
      secure.emit('connection', raw);
    },
    { scope },
  );
  function serve(served: Served): void {
    const { socket } = served;
    for (const event of ['end', 'close', 'error']) socket.on(event, () => (served.gone = true));
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0 || text.length < end + 4 + bodyLength(text.slice(0, end))) return;
      const target = text.split(' ', 2)[1] ?? '';
      last = served;
      text = text.slice(end + 4 + bodyLength(text.slice(0, end)));
      const run = runs.get(target);
      if (run === undefined) {
        answer(served, target);
        return;
      }
      run.served.push(served);
      void play(run, served);
    });
  }
  return {
    address: server.address,
    runs,
    get last() {
      return last;
    },
  };
}

function bodyLength(head: string): number {
  return Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
}

/** The body of an answer to a request that names no run. */
export function honestBody(target: string): string {
  return `the answer to ${target}`;
}

function answer({ socket, index }: Served, target: string): void {
  const body = honestBody(target);
  const head = `HTTP/1.1 200 OK\r\nX-Connection: ${index}\r\nContent-Length: ${body.length}`;
  socket.write(`${head}\r\n\r\n${body}`);
}

async function play(run: Run, served: Served): Promise<void> {
  for (const step of run.form.steps) {
    if (served.gone) return;
    await take(step, run, served);
  }
}

async function take(step: Step, run: Run, served: Served): Promise<void> {
  const { socket } = served;
  if (typeof step === 'string') {
    socket.write(step, 'latin1');
    return;
  }
  switch (step.kind) {
    case 'seen':
      await run.clientSaw;
      return;
    case 'fin':
      socket.end();
      return;
    case 'reset':
      served.raw.resetAndDestroy();
      return;
    case 'bare fin':
      served.raw.end();
      return;
    case 'under TLS':
      served.raw.write(step.bytes, 'latin1');
      return;
    case 'renegotiate':
      if (socket instanceof TLSSocket) socket.renegotiate({}, () => undefined);
      return;
    case 'drip':
      for (const byte of step.bytes) {
        if (served.gone) return;
        socket.write(byte, 'latin1');
        await turn();
      }
      return;
    case 'flood':
      while (!served.gone) {
        socket.write(step.bytes, 'latin1');
        await sleep(1);
      }
  }
}
