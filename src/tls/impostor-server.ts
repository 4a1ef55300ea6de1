// A TLS server on loopback that is not who it should be: it shows a certificate, and finishes handshakes
// with whoever accepts it. For the self-test.

import type { AddressInfo } from 'node:net';
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Address } from '../base/address.ts';

/** A server that runs. */
export interface ImpostorServer {
  readonly address: Address;
  /** Ends it with all its connections. */
  close(): Promise<void>;
}

/**
 * Starts one on a free port of 127.0.0.1. It speaks every version and cipher there is, so that
 * nothing but the certificate can be the reason for a refusal.
 *
 * @param pair - PEM: the chain, leaf first, and the key
 */
export async function startImpostor(pair: {
  readonly cert: string;
  readonly key: string;
}): Promise<ImpostorServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ ...pair, minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    socket.resume();
  });
  // A client that refuses the certificate is what is hoped for.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: { kind: 'ip', host: '127.0.0.1', port },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
