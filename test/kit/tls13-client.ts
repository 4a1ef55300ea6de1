// A client of TLS 1.3 that sends the records it likes once the handshake is over: Node.js does the
// handshake and reads, and what is sent is sealed here with the keys that it logs.

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { message, messageTypes } from './handshake-bytes.ts';
import { ReceivedBytes } from './received-bytes.ts';
import { nextTrafficSecret, RecordKeys } from './tls13-secrets.ts';

const types = { handshake: 22, applicationData: 23 };
const limitMs = 30_000;

export class Tls13Client {
  readonly received: ReceivedBytes;
  readonly #raw: Socket;
  #secret: Buffer;
  #keys: RecordKeys;

  private constructor(raw: Socket, received: ReceivedBytes, secret: Buffer) {
    this.#raw = raw;
    this.received = received;
    this.#secret = secret;
    this.#keys = new RecordKeys(secret);
  }

  /** @param tls - `ca` and `servername` */
  static async open(port: number, tls: ConnectionOptions): Promise<Tls13Client> {
    const raw = connectTcp({ port, host: '127.0.0.1', noDelay: true });
    raw.on('error', () => undefined);
    const secure = connectTls({
      ...tls,
      socket: raw,
      minVersion: 'TLSv1.3',
      ciphers: 'TLS_AES_128_GCM_SHA256',
    });
    let secret = '';
    secure.on('keylog', (line: Buffer) => {
      secret = /^CLIENT_TRAFFIC_SECRET_0 \S+ (\S+)/.exec(line.toString())?.[1] ?? secret;
    });
    const received = new ReceivedBytes(secure, limitMs);
    // A ticket: then the server surely has the last message of the handshake.
    await new Promise<void>((resolve, reject) => {
      secure.once('session', () => resolve());
      secure.once('error', reject);
    });
    return new Tls13Client(raw, received, Buffer.from(secret, 'hex'));
  }

  /** The bytes of one record of application data, to be sent in this order. */
  data(content: string | Buffer): Buffer {
    return this.#keys.seal(types.applicationData, Buffer.from(content));
  }

  /** One KeyUpdate. @param requested - the other side is to update its keys as well */
  keyUpdate(requested: boolean): Buffer {
    const body = message(messageTypes.keyUpdate, Buffer.from([Number(requested)]));
    const bytes = this.#keys.seal(types.handshake, body);
    this.#secret = nextTrafficSecret(this.#secret);
    this.#keys = new RecordKeys(this.#secret);
    return bytes;
  }

  /** Resolves when the kernel has them, or the connection is gone. */
  send(records: readonly Buffer[]): Promise<void> {
    return new Promise((resolve) => {
      if (this.#raw.destroyed) {
        resolve();
        return;
      }
      const done = (): void => {
        this.#raw.off('close', done);
        resolve();
      };
      this.#raw.once('close', done);
      this.#raw.write(Buffer.concat(records), done);
    });
  }

  /** Stops reading: the system's buffers fill. */
  pause(): void {
    this.#raw.pause();
  }

  close(): void {
    this.#raw.destroy();
  }
}
