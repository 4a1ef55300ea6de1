// Clients that take something up and keep it: a connection on which a request is under way, for as
// long as the test wants.

import assert from 'node:assert/strict';
import { RawConnection, type RawResponse, type Target } from '../../kit/raw-client.ts';
import { atEnd, type Scope } from '../../kit/scope.ts';

const interim = 'HTTP/1.1 100 Continue\r\n\r\n';

/** A client whose request lacks its body. The proxy has asked for it. */
export class BusyClient {
  readonly connection: RawConnection;
  readonly #body: string;

  private constructor(connection: RawConnection, body: string) {
    this.connection = connection;
    this.#body = body;
  }

  /** Resolves when the proxy has read the head: the connection is surely not an idle one then. */
  static async open(target: Target, path: string, scope: Scope, body = 'x'): Promise<BusyClient> {
    const connection = await RawConnection.open(target);
    atEnd(scope, () => connection.close());
    await connection.send(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n` +
        'Expect: 100-continue\r\n\r\n',
    );
    assert.equal((await connection.bytes(interim.length)).toString('latin1'), interim);
    return new BusyClient(connection, body);
  }

  static async openMany(count: number, target: Target, scope: Scope): Promise<BusyClient[]> {
    const clients: BusyClient[] = [];
    while (clients.length < count) clients.push(await BusyClient.open(target, '/', scope));
    return clients;
  }

  /** Sends the body, and gives the answer. */
  async complete(): Promise<RawResponse> {
    await this.connection.send(this.#body);
    return this.connection.response();
  }
}

/** What comes on a new connection for one request: an answer, or nothing where it is closed. */
export async function tryRequest(target: Target, path = '/'): Promise<RawResponse | null> {
  let connection: RawConnection | null = null;
  try {
    connection = await RawConnection.open(target);
    return await connection.request({ path });
  } catch {
    return null;
  } finally {
    connection?.close();
  }
}
