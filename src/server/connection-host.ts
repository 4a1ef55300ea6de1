// What a client connection is given by the listener that accepted it.

import type { ClientTls } from '../exchange/downstream.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Port } from './virtual-server.ts';

/** What a connection needs of the listener that accepted it. */
export interface ConnectionHost {
  /** The port in its current snapshot. */
  readonly port: Port;
  readonly draining: boolean;
  nextConnectionId(): number;
  onClosed(connection: ClientConnection): void;
}

/** What the TLS door learnt. */
export interface SecureFacts {
  readonly tls: ClientTls;
  readonly policyKey: string;
}

/** A dual-stack socket shows IPv4 clients as ::ffff:a.b.c.d. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unix:';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
