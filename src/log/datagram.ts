// Where syslog messages leave: UDP, or a datagram socket of the file system (`/dev/log`). Sending
// never waits: what the network or the other side does not take at once is dropped and counted.

import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Address } from '../base/address.ts';
import { Complaint } from './complaint.ts';
import { openUnixDatagram, type UnixDatagram } from './unix-datagram.ts';

/** Bytes that the kernel has not taken yet, beyond which messages are dropped. */
const queueLimit = 1024 * 1024;

/** One destination. */
export interface DatagramTarget {
  /** @param message - may be used again once the call returns; never throws */
  send(message: Buffer): void;
  /** Messages that were lost, as far as this side can know. */
  readonly dropped: number;
  close(): void;
}

/** @param address - its host is an IP address, not a name */
export function openDatagram(address: Address, complaint = new Complaint()): DatagramTarget {
  if (address.kind === 'unix') return new UnixTarget(address.path, complaint);
  return new UdpTarget(address.host, address.port, complaint);
}

class UdpTarget implements DatagramTarget {
  readonly #host: string;
  readonly #port: number;
  readonly #socket: Socket;
  readonly #complaint: Complaint;
  #closed = false;
  dropped = 0;

  constructor(host: string, port: number, complaint: Complaint) {
    this.#host = host;
    this.#port = port;
    this.#complaint = complaint;
    const family = isIPv6(host) ? 6 : 4;
    this.#socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // It is an address already: without this each message would pass through a thread.
      lookup: (name, _options, found) => found(null, name, family),
    });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.unref();
  }

  send(message: Buffer): void {
    if (this.#closed) return;
    if (this.#socket.getSendQueueSize() > queueLimit) {
      this.#fail('the queue is full');
      return;
    }
    const copy = Buffer.from(message);
    this.#socket.send(copy, this.#port, this.#host, this.#sent);
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#fail(error.message);
  };

  #fail(why: string): void {
    this.dropped += 1;
    this.#complaint.raise(`send() to syslog failed (${why}), ${this.dropped} lines dropped so far`);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

class UnixTarget implements DatagramTarget {
  readonly #path: string;
  readonly #complaint: Complaint;
  #socket: UnixDatagram | null = null;
  dropped = 0;

  constructor(path: string, complaint: Complaint) {
    this.#path = path;
    this.#complaint = complaint;
  }

  // Opened by the first message: a configuration that is only tested needs no socket.
  send(message: Buffer): void {
    try {
      this.#socket ??= openUnixDatagram(this.#path);
      if (this.#socket.send(message)) return;
      this.#fail(`unix:${this.#path} does not take it`);
    } catch (thrown) {
      this.#fail(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  #fail(why: string): void {
    this.dropped += 1;
    this.#complaint.raise(`send() to syslog failed (${why}), ${this.dropped} lines dropped so far`);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
  }
}
