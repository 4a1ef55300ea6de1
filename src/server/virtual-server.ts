// A compiled configuration as the data path sees it: ports, their virtual servers, and what must be
// released when the last request of an old snapshot has ended.

import type { Address } from '../base/address.ts';
import type { ConnectionBudget } from '../base/connection-budget.ts';
import type { ServerFacts } from '../exchange/exchange.ts';
import type { Handler } from '../exchange/handler.ts';
import type { RequestHeadLimits } from '../http1/request-head.ts';
import type { ErrorLog } from '../log/error-log.ts';
import type { LogFiles } from '../log/log-files.ts';
import type { ServerTls } from '../tls/server-policy.ts';
import type { Location } from './location.ts';
import type { LocationTree } from './location-tree.ts';
import type { ServerNames } from './server-names.ts';
import type { UnattendedWork } from './unattended.ts';

/** One `server` block. */
export interface VirtualServer extends ServerFacts {
  readonly limits: RequestHeadLimits;
  /** Milliseconds. */
  readonly clientHeaderTimeout: number;
  readonly mergeSlashes: boolean;
  /** Run before the location is looked for. */
  readonly handlers: readonly Handler[];
  readonly locations: LocationTree;
  /** The server's own settings, for requests that match no location or fail before. */
  readonly outside: Location;
  readonly tls: ServerTls | null;
  /** Is a client certificate asked for? Then Host must stay with the server chosen by SNI. */
  readonly verifiesClients: boolean;
  readonly rejectsHandshake: boolean;
  /** Does any of its locations take CONNECT (`tunnel_pass`)? */
  readonly tunnels: boolean;
  /** Of its snapshot. */
  readonly unattended: UnattendedWork;
}

/** All servers that listen on one address and port. */
export interface Port {
  readonly key: string;
  readonly tls: boolean;
  /** Connections begin with a PROXY header. */
  readonly proxyProtocol: boolean;
  readonly defaultServer: VirtualServer;
  readonly names: ServerNames<VirtualServer>;
}

/** One socket to listen on. Servers of one address share it. */
export interface ListenAddress {
  /** "0.0.0.0:80", "[::]:80", "unix:/path": what a reload compares. */
  readonly key: string;
  readonly address: Address;
  readonly backlog: number | null;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
  /** The port of the address itself. */
  readonly port: Port;
  /** Ports of single addresses where this socket is bound to all of them. */
  readonly byLocalAddress: ReadonlyMap<string, Port> | null;
}

/** A whole compiled configuration. Immutable; a reload makes a new one. */
export interface Snapshot {
  readonly listens: readonly ListenAddress[];
  readonly errorLog: ErrorLog;
  readonly logFiles: LogFiles;
  readonly unattended: UnattendedWork;
  /** `worker_connections`. */
  readonly workerConnections: number;
  /** Of the worker: the same for all its snapshots. */
  readonly budget: ConnectionBudget;
  /** From now on requests are served by it: begins what runs beside them (health checks). */
  begin(): void;
  /** Another one serves new requests from now on: ends that. */
  retire(): void;
  /** Closes pooled connections and log files; called once nothing uses the snapshot any more. */
  dispose(): void;
}

/**
 * The server whose settings a TLS handshake follows.
 *
 * @param serverName - of the ClientHello (SNI); empty where it has none
 */
export function serverOfHandshake(port: Port, serverName: string): VirtualServer {
  return (serverName === '' ? null : port.names.find(serverName, null)) ?? port.defaultServer;
}

/** The TLS policy of such a server: one without a certificate is met with the default server's. */
export function policyOfHandshake(port: Port, server: VirtualServer): ServerTls | null {
  return server.rejectsHandshake ? null : (server.tls ?? port.defaultServer.tls);
}
