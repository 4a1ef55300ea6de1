// What a client connection is given by the listener that accepted it.

import type { WorkerCounters } from '../base/worker-counters.ts';
import type { ClientTls } from '../exchange/downstream.ts';
import type { ProxyHeader } from '../http1/proxy-protocol.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Port } from './virtual-server.ts';

/** What a connection needs of the listener that accepted it. */
export interface ConnectionHost {
  /** The port in its current snapshot. */
  readonly port: Port;
  readonly draining: boolean;
  readonly counters: WorkerCounters;
  nextConnectionId(): number;
  onClosed(connection: ClientConnection): void;
}

/** What was learnt before the first request: by the PROXY protocol, and by the TLS door. */
export interface DoorFacts {
  readonly proxied: ProxyHeader | null;
  readonly tls: ClientTls | null;
  /** Empty without TLS. */
  readonly policyKey: string;
}

/** A dual-stack socket shows IPv4 clients as ::ffff:a.b.c.d. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unix:';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
