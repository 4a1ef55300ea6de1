// Memory that upstream sockets read into. Node asks a socket for the buffer of its NEXT read right
// after each read, so every idle socket holds one all the time. They all hold the same one:
//
//   shared buffer   every socket that is idle, or has small answers. Filling it and calling back is
//                   one synchronous step, so its content is good during that callback and no longer.
//   private buffer  a socket in the middle of a large body, from a free list. Its content may be
//                   kept until it is given back, without a copy.
//
// The shared buffer can never be kept: other sockets have already been promised it.

/** Read size of plain sockets, and of the shared buffer. */
export const plainReadSize = 65_536;
/** Node delivers TLS data one record at a time, so more would stay empty (RFC 8446, 5.1). */
export const tlsReadSize = 16_384;

export type ReadSize = typeof plainReadSize | typeof tlsReadSize;

/** The read buffers of one worker. */
export class ReadBufferPool {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(plainReadSize);
  readonly #cap: number;
  readonly #plain: ArrayBuffer[] = [];
  readonly #tls: ArrayBuffer[] = [];
  // Those handed out and not back yet. Weak, so that one that is never given back is only garbage.
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** @param cap - unused private buffers kept at most of each size, default 1024 */
  constructor(cap = 1024) {
    this.#cap = cap;
  }

  /** Unused private buffers at present. */
  get free(): number {
    return this.#plain.length + this.#tls.length;
  }

  /** @param size - one of the two read sizes */
  take(size: ReadSize): Buffer {
    const list = size === tlsReadSize ? this.#tls : this.#plain;
    const memory = list.pop() ?? new ArrayBuffer(size);
    this.#lent.add(memory);
    return Buffer.from(memory);
  }

  /**
   * Takes a private buffer back, by any view on it. Anything else is ignored, also a second
   * return: one buffer with two owners would mix the answers of two connections.
   */
  release(view: Buffer): void {
    const memory = view.buffer;
    if (!this.#lent.delete(memory) || !(memory instanceof ArrayBuffer)) return;
    const list = memory.byteLength === tlsReadSize ? this.#tls : this.#plain;
    if (list.length < this.#cap) list.push(memory);
  }
}
