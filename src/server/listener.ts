// One listening socket of one worker: accepts connections, opens the TLS door where the port has
// one, and hands them to the port of the current snapshot.

import net from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { describeShortage } from '../base/connection-budget.ts';
import { descriptorOf } from '../base/descriptor.ts';
import type { WorkerCounters } from '../base/worker-counters.ts';
import type { LogLevel, SallyportError } from '../base/errors.ts';
import type { ProxyHeader } from '../http1/proxy-protocol.ts';
import type { ClientHello } from '../tls/client-hello.ts';
import { openFrontDoor, type ClientTlsFacts, type FrontDoorHandlers } from '../tls/front-door.ts';
import type { ServerTlsPolicy, Visitor } from '../tls/server-policy.ts';
import { ClientConnection } from './client-connection.ts';
import { plainAddress, type ConnectionHost, type DoorFacts } from './connection-host.ts';
import { ListenDescriptor } from './listen-descriptor.ts';
import { readProxyProtocol, type ProxyProtocolHandlers } from './proxy-protocol-door.ts';
import {
  policyOfHandshake,
  serverOfHandshake,
  type ListenAddress,
  type Port,
  type Snapshot,
} from './virtual-server.ts';

/** What a listener shares with the others of its worker. */
export interface WorkerState {
  readonly connections: Set<ClientConnection>;
  /** Sockets before or in their TLS handshake. */
  readonly handshakes: Set<net.Socket>;
  snapshot: Snapshot;
  readonly counters: WorkerCounters;
  draining: boolean;
  lastConnectionId: number;
  onIdle(): void;
}

function ignoreError(): void {}

/** A socket that was bound elsewhere. */
export type ListenHandle = net.BoundSocket | ListenDescriptor;

/** Turns of the event loop that `finish` takes at most: one for each connection that waits. */
const mostTurns = 10_000;

class PortHost implements ConnectionHost {
  port: Port;
  /** The configuration in force has no such address: its clients are asked to go. */
  retired = false;
  readonly counters: WorkerCounters;
  readonly #state: WorkerState;

  constructor(port: Port, state: WorkerState) {
    this.port = port;
    this.counters = state.counters;
    this.#state = state;
  }

  get draining(): boolean {
    return this.retired || this.#state.draining;
  }

  nextConnectionId(): number {
    this.#state.lastConnectionId += 1;
    return this.#state.lastConnectionId;
  }

  onClosed(connection: ClientConnection): void {
    if (this.#state.connections.delete(connection)) this.counters.closed();
    if (this.#state.draining) this.#state.onIdle();
  }
}

export class Listener {
  readonly #server: net.Server;
  readonly #state: WorkerState;
  #listen: ListenAddress;
  readonly #host: PortHost;
  readonly #hosts = new Map<string, PortHost>();
  /** What had not become a connection yet when it closed; null: it has not closed. */
  #lastArrivals: readonly net.Socket[] | null = null;

  constructor(listen: ListenAddress, state: WorkerState) {
    this.#listen = listen;
    this.#state = state;
    this.#host = new PortHost(listen.port, state);
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
      this.#accept(raw);
    });
    this.update(listen);
  }

  get key(): string {
    return this.#listen.key;
  }

  /** Starts to accept on a socket that was bound elsewhere. Rejects where the system refuses. */
  async start(handle: ListenHandle): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    const backlog = this.#listen.backlog ?? 511;
    const where = handle instanceof ListenDescriptor ? { fd: handle.take() } : { handle };
    this.#server.listen({ ...where, backlog } as net.ListenOptions, () => {
      this.#server.off('error', reject);
      this.#server.on('error', (error) => this.#acceptFailed(error));
      resolve();
    });
    await promise;
  }

  /** New connections and new requests see the new snapshot's servers from now on. */
  update(listen: ListenAddress): void {
    this.#listen = listen;
    this.#host.port = listen.port;
    for (const [local, port] of listen.byLocalAddress ?? []) {
      const host = this.#hosts.get(local);
      if (host === undefined) this.#hosts.set(local, new PortHost(port, this.#state));
      else host.port = port;
    }
  }

  /** The new snapshot lacks this address: each connection ends with what it is doing. */
  retire(): void {
    for (const host of this.#allHosts()) host.retired = true;
  }

  /** It accepts no more, and no connection is left that it has accepted. */
  get finished(): boolean {
    const { connections, handshakes } = this.#state;
    if (this.#server.listening || this.#lastArrivals === null) return false;
    if (this.#lastArrivals.some((raw) => handshakes.has(raw))) return false;
    const hosts: readonly ConnectionHost[] = this.#allHosts();
    return [...connections].every(({ host }) => !hosts.includes(host));
  }

  #allHosts(): readonly PortHost[] {
    return [this.#host, ...this.#hosts.values()];
  }

  close(): void {
    this.#server.close();
  }

  /**
   * Closes when all connections are accepted that had been made by now: the kernel would reset
   * what still waits. Each turn of the event loop accepts one.
   */
  async finish(): Promise<void> {
    let fresh = false;
    this.#server.on('connection', () => {
      fresh = true;
    });
    for (let turn = 0; turn < mostTurns; turn += 1) {
      fresh = false;
      // The first may come before this turn's events are looked at.
      await immediate();
      await immediate();
      if (!fresh) break;
    }
    this.#lastArrivals = [...this.#state.handshakes];
    this.close();
  }

  // Not for want of descriptors: libuv hides that. The event loop goes on accepting by itself.
  #acceptFailed(error: Error): void {
    this.#state.snapshot.errorLog.log('crit', `accept() failed (${error.message})`);
  }

  #accept(raw: net.Socket): void {
    const state = this.#state;
    const { budget, errorLog } = state.snapshot;
    state.counters.accepted();
    const shortage = budget.admitClient(descriptorOf(raw));
    if (shortage !== null) {
      errorLog.log('alert', describeShortage(shortage, budget.limit));
      raw.on('error', ignoreError);
      raw.destroy();
      state.counters.refused();
      return;
    }
    const host = this.#hostOf(raw);
    if (host.port.proxyProtocol) this.#acceptProxied(raw, host);
    else if (host.port.tls) this.#acceptTls(raw, host, null);
    else this.#opened(raw, raw, host, null);
  }

  // Asking for the local address costs a system call.
  #hostOf(raw: net.Socket): PortHost {
    if (this.#hosts.size === 0) return this.#host;
    return this.#hosts.get(raw.localAddress ?? '') ?? this.#host;
  }

  #opened(socket: net.Socket, raw: net.Socket, host: PortHost, facts: DoorFacts | null): void {
    const connection = new ClientConnection(socket, raw, host, facts);
    this.#state.connections.add(connection);
    if (host.draining) connection.closeIdle();
  }

  #acceptProxied(raw: net.Socket, host: PortHost): void {
    this.#state.handshakes.add(raw);
    const { clientHeaderTimeout } = host.port.defaultServer;
    readProxyProtocol(raw, new ProxiedArrival(this, raw, host), clientHeaderTimeout);
  }

  /** The header is there; TLS or the first request follows. For its `ProxiedArrival`. */
  introduced(raw: net.Socket, host: PortHost, proxied: ProxyHeader | null): void {
    this.#state.handshakes.delete(raw);
    if (host.port.tls) this.#acceptTls(raw, host, proxied);
    else this.#opened(raw, raw, host, { proxied, tls: null, policyKey: '' });
  }

  /** There was no header. For its `ProxiedArrival`. */
  notIntroduced(raw: net.Socket, { port }: PortHost, failure: ArrivalFailure): void {
    if (!this.#state.handshakes.delete(raw)) return;
    this.#state.counters.closed();
    const { message, level } = failure;
    port.defaultServer.outside.errorLog.log(level, `${message}, server: ${this.key}`);
    if (this.#state.draining) this.#state.onIdle();
  }

  #acceptTls(raw: net.Socket, host: PortHost, proxied: ProxyHeader | null): void {
    this.#state.handshakes.add(raw);
    const arrival = new Arrival(this, raw, host, proxied);
    openFrontDoor(raw, arrival, host.port.defaultServer.clientHeaderTimeout);
  }

  /** The handshake, or what came instead of it, is over. For its `Arrival`. */
  arrived(socket: net.Socket, { raw, host, proxied }: Arrival, tls: ClientTlsFacts | null): void {
    this.#state.handshakes.delete(raw);
    const policyKey = tls?.clientVerificationKey ?? '';
    this.#opened(socket, raw, host, { proxied, tls, policyKey });
  }

  /** Nothing came of it. For its `Arrival`. */
  failed(error: SallyportError, { raw, host }: Arrival): void {
    // Not in the set any more: the worker has closed, and so have its logs.
    if (!this.#state.handshakes.delete(raw)) return;
    this.#state.counters.closed();
    this.#handshakeFailed(error, raw, host.port);
  }

  #handshakeFailed(error: SallyportError, raw: net.Socket, port: Port): void {
    const { errorLog } = port.defaultServer.outside;
    const client = raw.remoteAddress === undefined ? '' : `, client: ${raw.remoteAddress}`;
    // The file of a certificate that is read in the handshake: bad for this client, not for all.
    const level = error.source === 'config' ? 'error' : error.level;
    errorLog.log(level, `${error.code}: ${error.message}${client}, server: ${this.key}`);
    if (this.#state.draining) this.#state.onIdle();
  }
}

/** Why a connection came to nothing. */
interface ArrivalFailure {
  readonly level: LogLevel;
  readonly message: string;
}

/** One connection that a balancer in front introduces. */
class ProxiedArrival implements ProxyProtocolHandlers {
  readonly #listener: Listener;
  readonly #host: PortHost;

  /** Of a socket that is closed it can't be had. */
  readonly #client: string;

  constructor(listener: Listener, raw: net.Socket, host: PortHost) {
    this.#listener = listener;
    this.#host = host;
    this.#client = plainAddress(raw.remoteAddress);
  }

  onProxyHeader(raw: net.Socket, header: ProxyHeader | null): void {
    this.#listener.introduced(raw, this.#host, header);
  }

  onNoProxyHeader(raw: net.Socket, message: string, bad: boolean): void {
    const level = bad ? 'error' : 'info';
    const text = `${message} while reading PROXY protocol, client: ${this.#client}`;
    this.#listener.notIntroduced(raw, this.#host, { level, message: text });
  }
}

/** One connection on its way through the TLS door. */
class Arrival implements FrontDoorHandlers {
  readonly raw: net.Socket;
  readonly host: PortHost;
  readonly port: Port;
  readonly proxied: ProxyHeader | null;
  readonly #listener: Listener;

  constructor(listener: Listener, raw: net.Socket, host: PortHost, proxied: ProxyHeader | null) {
    this.#listener = listener;
    this.raw = raw;
    this.host = host;
    this.port = host.port;
    this.proxied = proxied;
  }

  choose(serverName: string, hello: ClientHello): ServerTlsPolicy | null {
    const { port } = this;
    const tls = policyOfHandshake(port, serverOfHandshake(port, serverName));
    return tls === null ? null : tls.policyFor(visitorOf(this.raw, hello, serverName));
  }

  onSecure(socket: TLSSocket, facts: ClientTlsFacts): void {
    this.#listener.arrived(socket, this, facts);
  }

  onPlainHttp(): void {
    // Read as a request so that error_page applies; no request of it passes the router.
    this.#listener.arrived(this.raw, this, null);
  }

  onFailure(error: SallyportError): void {
    this.#listener.failed(error, this);
  }
}

function visitorOf(raw: net.Socket, hello: ClientHello, serverName: string): Visitor {
  return {
    hello,
    serverName,
    remoteAddress: plainAddress(raw.remoteAddress),
    remotePort: raw.remotePort ?? 0,
    localAddress: plainAddress(raw.localAddress),
    localPort: raw.localPort ?? 0,
  };
}
