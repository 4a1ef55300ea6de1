// One listening socket of one worker: accepts connections, opens the TLS door where the port has
// one, and hands them to the port of the current snapshot.

import net from 'node:net';
import type { SallyportError } from '../base/errors.ts';
import { openFrontDoor, type ClientTlsFacts } from '../tls/front-door.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionHost, SecureFacts } from './connection-host.ts';
import type { ListenAddress, Port, Snapshot } from './virtual-server.ts';

/** Handshakes may take as long as a request head. */
const acceptRetryMs = 500;

/** What a listener shares with the others of its worker. */
export interface WorkerState {
  readonly connections: Set<ClientConnection>;
  /** Sockets before or in their TLS handshake. */
  readonly handshakes: Set<net.Socket>;
  snapshot: Snapshot;
  draining: boolean;
  lastConnectionId: number;
  onIdle(): void;
}

class PortHost implements ConnectionHost {
  port: Port;
  readonly #state: WorkerState;

  constructor(port: Port, state: WorkerState) {
    this.port = port;
    this.#state = state;
  }

  get draining(): boolean {
    return this.#state.draining;
  }

  nextConnectionId(): number {
    this.#state.lastConnectionId += 1;
    return this.#state.lastConnectionId;
  }

  onClosed(connection: ClientConnection): void {
    this.#state.connections.delete(connection);
    if (this.#state.draining) this.#state.onIdle();
  }
}

export class Listener {
  readonly #server: net.Server;
  readonly #state: WorkerState;
  #listen: ListenAddress;
  readonly #host: PortHost;
  readonly #hosts = new Map<string, PortHost>();

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
  async start(handle: net.BoundSocket): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    const backlog = this.#listen.backlog ?? 511;
    this.#server.listen({ handle, backlog } as net.ListenOptions, () => {
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

  close(): void {
    this.#server.close();
  }

  // Out of file descriptors or memory: the next accept is tried a little later, as nginx does.
  #acceptFailed(error: Error): void {
    this.#state.snapshot.errorLog.log('crit', `accept() failed (${error.message})`);
    this.#server.maxConnections = 0;
    setTimeout(() => {
      this.#server.maxConnections = Infinity;
    }, acceptRetryMs).unref();
  }

  #accept(raw: net.Socket): void {
    const state = this.#state;
    const { workerConnections } = state.snapshot;
    if (state.connections.size + state.handshakes.size >= workerConnections) {
      state.snapshot.errorLog.log(
        'alert',
        `${workerConnections} worker_connections are not enough`,
      );
      raw.on('error', () => undefined);
      raw.destroy();
      return;
    }
    const host = this.#hosts.get(raw.localAddress ?? '') ?? this.#host;
    if (host.port.tls) this.#acceptTls(raw, host);
    else this.#opened(raw, raw, host, null);
  }

  #opened(socket: net.Socket, raw: net.Socket, host: PortHost, secure: SecureFacts | null): void {
    this.#state.connections.add(new ClientConnection(socket, raw, host, secure));
  }

  #acceptTls(raw: net.Socket, host: PortHost): void {
    const { handshakes } = this.#state;
    const port = host.port;
    handshakes.add(raw);
    openFrontDoor(
      raw,
      {
        choose: (serverName) => {
          const server =
            (serverName === '' ? null : port.names.find(serverName, null)) ?? port.defaultServer;
          // A server without a certificate is met with the default server's.
          return server.rejectsHandshake ? null : (server.tls ?? port.defaultServer.tls);
        },
        onSecure: (socket, facts) => {
          handshakes.delete(raw);
          this.#opened(socket, raw, host, secureFacts(facts));
        },
        onPlainHttp: () => {
          handshakes.delete(raw);
          // Read as a request so that error_page applies; no request of it passes the router.
          this.#opened(raw, raw, host, null);
        },
        onFailure: (error) => {
          handshakes.delete(raw);
          this.#handshakeFailed(error, raw, port);
        },
      },
      port.defaultServer.clientHeaderTimeout,
    );
  }

  #handshakeFailed(error: SallyportError, raw: net.Socket, port: Port): void {
    const { errorLog } = port.defaultServer.outside;
    const client = raw.remoteAddress === undefined ? '' : `, client: ${raw.remoteAddress}`;
    errorLog.log(error.level, `${error.code}: ${error.message}${client}, server: ${this.key}`);
    if (this.#state.draining) this.#state.onIdle();
  }
}

function secureFacts(facts: ClientTlsFacts): SecureFacts {
  return { tls: facts, policyKey: facts.clientVerificationKey };
}
