// Which buffer one upstream socket reads into next: the shared one, or a private one while a large
// body is coming. See read-buffers.ts for why.

import { tlsReadSize, type ReadSize, type ReadBufferPool } from './read-buffers.ts';

/** A read of at least this much is taken as the middle of a large body. */
const bulkBytes = tlsReadSize;

/** Copies from this size on are made into buffers of the pool, which spares garbage. */
const pooledBytes = 4096;

/** The read side of one connection. */
export class ConnectionReader {
  readonly #buffers: ReadBufferPool;
  readonly #size: ReadSize;
  #own: Buffer | null = null;
  #kept = false;
  #bytes = 0;
  /** Bytes that are read at once at most; 0 for no limit. */
  limit = 0;

  /** @param size - the private buffer's size: `tlsReadSize` for TLS */
  constructor(buffers: ReadBufferPool, size: ReadSize) {
    this.#buffers = buffers;
    this.#size = size;
  }

  /** Notes a read and gives the buffer that holds it. */
  begin(bytes: number): Buffer {
    this.#bytes = bytes;
    return this.#own ?? this.#buffers.shared;
  }

  /**
   * Keeps bytes of the present read beyond its callback: a view on the private buffer, which is
   * then not read into again until it is released, or a copy out of the shared one.
   */
  keep(start: number, end: number): Buffer {
    if (this.#own === null) {
      const length = end - start;
      const copy =
        length < pooledBytes ? Buffer.allocUnsafe(length) : this.#buffers.take(this.#size);
      this.#buffers.shared.copy(copy, 0, start, end);
      return copy.subarray(0, length);
    }
    this.#kept = true;
    return this.#own.subarray(start, end);
  }

  #limited(): Buffer {
    if (this.#own !== null && !this.#kept) this.#buffers.release(this.#own);
    this.#own = null;
    this.#kept = false;
    return this.#buffers.shared.subarray(0, this.limit);
  }

  isCurrent(view: Buffer): boolean {
    return view.buffer === (this.#own ?? this.#buffers.shared).buffer;
  }

  /** @param busy - is a user attached who may get more of the same body? */
  next(busy: boolean): Buffer {
    if (!busy) this.limit = 0;
    if (this.limit > 0) return this.#limited();
    if (busy && this.#bytes >= bulkBytes) {
      if (this.#own === null || this.#kept) this.#own = this.#buffers.take(this.#size);
      this.#kept = false;
      return this.#own;
    }
    if (this.#own !== null && !this.#kept) this.#buffers.release(this.#own);
    this.#own = null;
    this.#kept = false;
    return this.#buffers.shared;
  }
}
