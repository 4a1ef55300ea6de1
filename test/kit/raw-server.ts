// A TCP server (or TLS) that does nothing but what the test does with its sockets: for servers that
// lie, stall or count bytes. `RecordingUpstream` is for those that behave.

import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { freePort } from './ports.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';

export interface RawServer {
  /** As a configuration writes it. */
  readonly address: string;
  /** All connections ever accepted, in order; with TLS: whose handshake succeeded. */
  readonly sockets: readonly Socket[];
  /** How many of them are closed. */
  readonly closed: number;
}

/** @param onSocket - called for each connection; it has an error listener already */
export async function startRawServer(
  onSocket: (socket: Socket, index: number) => void,
  options: { readonly scope?: Scope; readonly tls?: TlsOptions } = {},
): Promise<RawServer> {
  const sockets: Socket[] = [];
  let closed = 0;
  const accept = (socket: Socket): void => {
    socket.on('error', () => undefined);
    socket.on('close', () => (closed += 1));
    sockets.push(socket);
    onSocket(socket, sockets.length - 1);
  };
  const common = { noDelay: true, allowHalfOpen: true };
  const server =
    options.tls === undefined
      ? createServer(common, accept)
      : createTlsServer({ ...common, ...options.tls }, accept);
  server.on('tlsClientError', () => undefined);
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  atEnd(options.scope, () => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return {
    address: `127.0.0.1:${port}`,
    sockets,
    get closed() {
      return closed;
    },
  };
}
