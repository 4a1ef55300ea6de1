// Reads the PROXY header that a connection begins with, and puts what follows back, so that TLS or
// HTTP find the socket as if it had just been accepted.

import type { Socket } from 'node:net';
import { CoarseTimer } from '../base/coarse-timer.ts';
import { readProxyHeader, type ProxyHeader } from '../http1/proxy-protocol.ts';

/** One of them is called, once. */
export interface ProxyProtocolHandlers {
  /** @param header - null where it says nothing of the client */
  onProxyHeader(raw: Socket, header: ProxyHeader | null): void;
  /** The socket is destroyed. `bad`: it was no header; else the client was slow, or left. */
  onNoProxyHeader(raw: Socket, message: string, bad: boolean): void;
}

const noBytes: Buffer = Buffer.alloc(0);

function ignoreError(): void {}

/**
 * Takes a connection that was just accepted.
 *
 * @param timeoutMs - until the whole header is there, in milliseconds
 */
export function readProxyProtocol(
  raw: Socket,
  handlers: ProxyProtocolHandlers,
  timeoutMs: number,
): void {
  new Door(raw, handlers).open(timeoutMs);
}

class Door {
  readonly #raw: Socket;
  readonly #handlers: ProxyProtocolHandlers;
  #bytes: Buffer = noBytes;
  #settled = false;
  readonly #timer = new CoarseTimer(() => {
    this.#fail('client timed out (110: Connection timed out)', false);
  });

  constructor(raw: Socket, handlers: ProxyProtocolHandlers) {
    this.#raw = raw;
    this.#handlers = handlers;
  }

  open(timeoutMs: number): void {
    const raw = this.#raw;
    // Stays for good: a reset without a listener ends the process.
    raw.on('error', ignoreError);
    raw.on('close', this.#onGone);
    raw.on('end', this.#onGone);
    raw.on('readable', this.#onReadable);
    this.#timer.arm(timeoutMs);
    if (raw.destroyed) this.#onGone();
  }

  readonly #onReadable = (): void => {
    for (;;) {
      const chunk = this.#settled ? null : (this.#raw.read() as Buffer | null);
      if (chunk === null) return;
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      const result = readProxyHeader(this.#bytes);
      if (result.kind === 'incomplete') continue;
      if (result.kind === 'error') this.#fail(result.reason, true);
      else this.#pass(result.header, result.end);
      return;
    }
  };

  #pass(header: ProxyHeader | null, end: number): void {
    const raw = this.#raw;
    const rest = this.#bytes.subarray(end);
    this.#settle();
    if (rest.length > 0) raw.unshift(rest);
    this.#handlers.onProxyHeader(raw, header);
  }

  readonly #onGone = (): void => {
    this.#fail('client closed connection', false);
  };

  #fail(message: string, bad: boolean): void {
    if (this.#settled) return;
    this.#settle();
    this.#raw.destroy();
    this.#handlers.onNoProxyHeader(this.#raw, message, bad);
  }

  #settle(): void {
    const raw = this.#raw;
    this.#settled = true;
    this.#bytes = noBytes;
    this.#timer.disarm();
    raw.removeListener('close', this.#onGone);
    raw.removeListener('end', this.#onGone);
    raw.removeListener('readable', this.#onReadable);
  }
}
