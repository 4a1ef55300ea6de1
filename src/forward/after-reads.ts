// Requests that got a connection of a pool leave at the end of the event loop's turn, when everything
// that had come by then has been read. What a server sent unasked, or that it has closed, is seen
// first: otherwise, of two sockets that are ready at once, the client's could be read before the
// server's, and bytes that nobody asked for would be taken for the answer (RFC 9112, 9.2).

import type { UpstreamConnection } from '../upstream/connection.ts';

/** Who sends on a connection, if it still has it by then. */
export interface PooledSender {
  sendPooled(connection: UpstreamConnection): void;
}

let senders: PooledSender[] = [];
let connections: UpstreamConnection[] = [];

/** Calls `sendPooled` once all sockets that are ready in this turn have been read. */
export function sendAfterReads(sender: PooledSender, connection: UpstreamConnection): void {
  if (senders.length === 0) setImmediate(sendAll);
  senders.push(sender);
  connections.push(connection);
}

function sendAll(): void {
  const dueSenders = senders;
  const dueConnections = connections;
  senders = [];
  connections = [];
  for (let i = 0; i < dueSenders.length; i += 1) {
    dueSenders[i]?.sendPooled(dueConnections[i] as UpstreamConnection);
  }
}
