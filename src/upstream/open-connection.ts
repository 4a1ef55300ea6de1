// Opens upstream connections: the one place that decides between a plain and a TLS socket, by
// nothing but the target's TLS part. The TLS socket itself comes from the tls room, verified.

import type { Socket } from 'node:net';
import { classifyUpstreamError, connectUpstreamTls } from '../tls/upstream-connect.ts';
import type {
  SocketOptions,
  UpstreamTlsHandlers,
  UpstreamTlsTarget,
} from '../tls/upstream-connect.ts';
import type { ConnectTarget } from './connect-target.ts';
import {
  UpstreamConnection,
  type ConnectionUser,
  type ConnectionMeans,
  type SocketReads,
} from './connection.ts';
import { openPlainSocket } from './plain-socket.ts';

/**
 * Begins to connect. Outcome and everything else comes through `user`, never before this returns.
 * Connect and read timeouts are the user's.
 */
export function openConnection(
  target: ConnectTarget,
  user: ConnectionUser,
  means: ConnectionMeans,
): UpstreamConnection {
  const { tls, address } = target;
  return new UpstreamConnection(target, user, means, (connection, reads) =>
    tls === null
      ? openPlainSocket(connection, address, reads, socketOptions(target))
      : openTls(connection, tls, reads, socketOptions(target)),
  );
}

/** What `proxy_bind` and `proxy_socket_keepalive` ask for; null: nothing. */
function socketOptions({ socket }: ConnectTarget): SocketOptions | null {
  if (socket === undefined) return null;
  const { keepAlive, localAddress, localPort } = socket;
  return {
    keepAlive,
    ...(localAddress === null ? {} : { localAddress }),
    ...(localPort === 0 ? {} : { localPort }),
  };
}

function openTls(
  connection: UpstreamConnection,
  target: UpstreamTlsTarget,
  reads: SocketReads,
  options: SocketOptions | null,
): Socket {
  const handlers: UpstreamTlsHandlers = {
    onSecure: (facts) => connection.establish(facts),
    onFailure: (error, facts) => connection.fail(error, facts),
    onReport: (error) => connection.user?.onTlsReport?.(error),
  };
  const socket = connectUpstreamTls(target, reads, handlers, options);
  // Until the handshake is verified the tls room names the failure: it knows what was wrong.
  socket.on('error', (error) => {
    if (connection.connected) {
      connection.fail(classifyUpstreamError(error, 'established', target));
    }
  });
  return socket;
}
