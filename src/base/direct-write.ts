// Whole messages on plain sockets go past the queue of their stream while that is empty: what the
// stream does for a write costs as much as composing a head. `_write` is what the documentation of
// streams has implementers write, and what the stream would call.
//
// The kernel takes small messages at once. Where it does not, writes that follow keep their order,
// as the system's queue is one; the stream does not count what is on its way, so ask `pending`.

import type { Socket } from 'node:net';

/** The direct writes of one plain socket, which must be connected. TLS needs its stream's queue. */
export class DirectWriter {
  /** Bytes that the kernel has not taken yet. */
  pending = 0;
  readonly #socket: Socket;
  readonly #drained: (() => void) | null;
  #writing = false;

  /** @param drained - the kernel has taken what it did not take at once */
  constructor(socket: Socket, drained: (() => void) | null = null) {
    this.#socket = socket;
    this.#drained = drained;
  }

  /**
   * Writes bytes, or text as latin1. A failure destroys the socket, as that of its own writes does.
   *
   * @returns false where something is queued before it: nothing was written
   */
  write(data: string | Buffer): boolean {
    const socket = this.#socket;
    if (this.pending > 0 || socket.writableLength > 0 || socket.writableCorked > 0) return false;
    if (!socket.writable) return false;
    this.pending = data.length;
    this.#writing = true;
    // What the stream itself says of bytes; Node's types know encodings of text only.
    const encoding = typeof data === 'string' ? 'latin1' : ('buffer' as BufferEncoding);
    socket._write(data, encoding, this.#done);
    this.#writing = false;
    return true;
  }

  readonly #done = (error?: Error | null): void => {
    this.pending = 0;
    if (error !== null && error !== undefined) this.#socket.destroy(error);
    else if (!this.#writing && this.#drained !== null) this.#drained();
  };
}
