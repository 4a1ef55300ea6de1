// Plain TCP and unix sockets to upstream servers.

import { connect, type Socket } from 'node:net';
import type { Address } from '../base/address.ts';
import type { SocketOptions } from '../tls/upstream-connect.ts';
import type { SocketReads, UpstreamConnection } from './connection.ts';
import { classifySocketError } from './socket-error.ts';

/** Begins to connect and reports to `connection`. */
export function openPlainSocket(
  connection: UpstreamConnection,
  address: Address,
  reads: SocketReads,
  options: SocketOptions | null = null,
): Socket {
  const where =
    address.kind === 'unix'
      ? { path: address.path }
      : { host: address.host, port: address.port, noDelay: true };
  const socket = connect({ ...where, ...options, onread: reads });
  socket.on('error', (error) => connection.fail(classifySocketError(error, connection.connected)));
  socket.on('connect', () => connection.establish(null));
  return socket;
}
