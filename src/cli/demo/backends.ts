// The upstream servers of the demo. Each answers who it is and what it sees of the TLS connection.

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Certificates, ServerIdentity } from './certificates.ts';

/** A server that runs. */
export interface Backend {
  readonly name: string;
  readonly port: number;
  close(): Promise<void>;
}

/** All servers of the demo. */
export interface Backends {
  /** The two of the group: they demand a client certificate of the demo's CA. */
  readonly group: readonly Backend[];
  /** The right name from the wrong CA. It takes anybody. */
  readonly impostor: Backend;
}

/** Starts all servers on free ports of the loopback interface. */
export async function startBackends(certificates: Certificates): Promise<Backends> {
  const { caPem, backends, impostor } = certificates;
  const group = backends.map((identity, index) =>
    start(`backend ${index + 1}`, identity, { ca: caPem, requestCert: true }),
  );
  return { group: await Promise.all(group), impostor: await start('impostor', impostor, {}) };
}

async function start(
  name: string,
  identity: ServerIdentity,
  clients: { readonly ca?: string; readonly requestCert?: boolean },
): Promise<Backend> {
  const options = { ...identity, ...clients, rejectUnauthorized: true };
  const server = createServer(options, (request, response) => answer(name, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { name, port, close };
}

function answer(name: string, request: IncomingMessage, response: ServerResponse): void {
  const socket = request.socket as TLSSocket;
  const lines = [
    `served by: ${name}`,
    `protocol: ${socket.getProtocol() ?? 'none'}`,
    `cipher: ${socket.getCipher().standardName}`,
    `session: ${socket.isSessionReused() ? 'resumed' : 'new'}`,
    `client: ${socket.getPeerX509Certificate()?.subject ?? 'anonymous'}`,
  ];
  response.setHeader('Content-Type', 'text/plain');
  response.end(`${lines.join('\n')}\n`);
}
