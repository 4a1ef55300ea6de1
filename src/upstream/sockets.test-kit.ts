// What the socket tests of this room share: an origin, and a user that notes what happens.

import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ConnectionBudget } from '../base/connection-budget.ts';
import type { SallyportError } from '../base/errors.ts';
import type { ConnectTarget } from './connect-target.ts';
import { UpstreamConnection, type ConnectionMeans, type ConnectionUser } from './connection.ts';
import type { UpstreamTlsTarget } from '../tls/upstream-connect.ts';
import { Peer } from './peer.ts';
import { openPlainSocket } from './plain-socket.ts';
import { ReadBufferPool } from './read-buffers.ts';

/** Notes what happens on a connection; `next` waits for one more event of a kind. */
export class Recorder implements ConnectionUser {
  readonly events: string[] = [];
  text = '';
  error: SallyportError | null = null;
  onRead: (buffer: Buffer, bytes: number) => boolean = () => true;
  readonly #waiting: { kind: string; resolve: () => void }[] = [];

  onConnected(): void {
    this.#note('connected');
  }

  onData(buffer: Buffer, bytes: number): boolean {
    this.text += buffer.toString('latin1', 0, bytes);
    const go = this.onRead(buffer, bytes);
    this.#note('data');
    return go;
  }

  onEnd(): void {
    this.#note('end');
  }

  onError(error: SallyportError): void {
    this.error = error;
    this.#note('error');
  }

  onTimeout(): void {}

  onDrain(): void {
    this.#note('drain');
  }

  next(kind: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ kind, resolve }));
  }

  #note(kind: string): void {
    this.events.push(kind);
    for (let i = this.#waiting.length - 1; i >= 0; i -= 1) {
      if (this.#waiting[i]?.kind === kind) this.#waiting.splice(i, 1)[0]?.resolve();
    }
  }
}

/** A TCP server on a free port that remembers its sockets. */
export class Origin {
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  static async start(onSocket: (socket: Socket) => void = () => {}): Promise<Origin> {
    const origin = new Origin(onSocket);
    origin.#server.listen(0, '127.0.0.1');
    await once(origin.#server, 'listening');
    return origin;
  }

  private constructor(onSocket: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      socket.on('error', () => {});
      this.sockets.push(socket);
      onSocket(socket);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * A plain target; connections of different `identity` must not be shared.
   *
   * @param policyKey - of a TLS policy that it shall seem to be verified under
   */
  target(identity = 'plain', policyKey: string | null = null): ConnectTarget {
    const address = { kind: 'ip', host: '127.0.0.1', port: this.port } as const;
    const peer = new Peer({ address, hostName: 'origin.test' });
    const policy = { baseKey: policyKey };
    const tls = policyKey === null ? null : ({ policy } as unknown as UpstreamTlsTarget);
    return { key: `127.0.0.1:${this.port} ${identity}`, address, tls, peer };
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** What the connections of one test share. */
export function means(buffers: ReadBufferPool = new ReadBufferPool()): ConnectionMeans {
  return { buffers, budget: new ConnectionBudget() };
}

/** Begins a plain connection. */
export function openPlain(
  target: ConnectTarget,
  user: ConnectionUser,
  buffers: ReadBufferPool = new ReadBufferPool(),
): UpstreamConnection {
  return new UpstreamConnection(target, user, means(buffers), (connection, reads) =>
    openPlainSocket(connection, target.address, reads),
  );
}

/** A plain connection that is open. */
export async function connected(
  target: ConnectTarget,
  user: Recorder = new Recorder(),
): Promise<UpstreamConnection> {
  const waiting = user.next('connected');
  const connection = openPlain(target, user);
  await waiting;
  return connection;
}
