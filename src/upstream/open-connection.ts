// Opens upstream connections: the one place that decides between a plain and a TLS socket, by
// nothing but the target's TLS part. The TLS socket itself comes from the tls room, verified.

import type { Socket } from 'node:net';
import { classifyUpstreamError, connectUpstreamTls } from '../tls/upstream-connect.ts';
import type { UpstreamTlsTarget } from '../tls/upstream-connect.ts';
import {
  UpstreamConnection,
  type ConnectionUser,
  type ConnectTarget,
  type SocketReads,
} from './connection.ts';
import type { ReadBufferPool } from './read-buffers.ts';
import { openPlainSocket } from './plain-socket.ts';

/**
 * Begins to connect. Outcome and everything else comes through `user`, never before this returns.
 * Connect and read timeouts are the user's.
 */
export function openConnection(
  target: ConnectTarget,
  user: ConnectionUser,
  buffers: ReadBufferPool,
): UpstreamConnection {
  const { tls, address } = target;
  return new UpstreamConnection(target, user, buffers, (connection, reads) =>
    tls === null ? openPlainSocket(connection, address, reads) : openTls(connection, tls, reads),
  );
}

function openTls(
  connection: UpstreamConnection,
  target: UpstreamTlsTarget,
  reads: SocketReads,
): Socket {
  const socket = connectUpstreamTls(target, reads, {
    onSecure: (facts) => connection.establish(facts),
    onFailure: (error, facts) => connection.fail(error, facts),
    onReport: (error) => connection.user?.onTlsReport?.(error),
  });
  // Until the handshake is verified the tls room names the failure: it knows what was wrong.
  socket.on('error', (error) => {
    if (connection.connected) {
      connection.fail(classifyUpstreamError(error, 'established', target));
    }
  });
  return socket;
}
