// A TLS client like a browser: it keeps the sessions that it is given and offers the newest.

import type { Socket } from 'node:net';
import { TLSSocket, type ConnectionOptions } from 'node:tls';
import { RawConnection } from './raw-client.ts';

/** One request on a connection of its own. */
export interface Visit {
  readonly status: number;
  readonly body: string;
  /** Was the session resumed, in the client's view? */
  readonly reused: boolean;
}

export class ResumingClient {
  /** Offered by the next visit. */
  session: Buffer | undefined;
  readonly #port: number;
  readonly #tls: ConnectionOptions;

  constructor(port: number, tls: ConnectionOptions) {
    this.#port = port;
    this.#tls = tls;
  }

  /** @param change - TLS options for this visit alone, such as another name */
  async visit(change: ConnectionOptions = {}): Promise<Visit> {
    const session = this.session === undefined ? {} : { session: this.session };
    const tls = { ...this.#tls, ...session, ...change };
    const connection = await RawConnection.open({ port: this.#port, tls });
    const socket = connection.socket as TLSSocket;
    let given: Buffer | undefined;
    socket.on('session', (one: Buffer) => (given = one));
    const headers = { Host: tls.servername ?? 'localhost' };
    const response = await connection.request({ headers });
    // A ticket of TLS 1.3 comes before the response, that of TLS 1.2 with the handshake.
    this.session = given ?? socket.getSession() ?? this.session;
    const reused = socket.isSessionReused();
    connection.close();
    return { status: response.status, body: response.body.toString(), reused };
  }

  /** So many visits, one after the other. */
  async visits(times: number): Promise<Visit[]> {
    const made: Visit[] = [];
    for (let i = 0; i < times; i += 1) made.push(await this.visit());
    return made;
  }
}

/**
 * The next connection with these very options offers the newest session that this one is given. For
 * many connections that need not be new ones in the eyes of TLS.
 */
export function keepSession(socket: Socket, tls: ConnectionOptions | undefined): void {
  if (tls === undefined || !(socket instanceof TLSSocket)) return;
  socket.on('session', (session: Buffer) => (tls.session = session));
}
