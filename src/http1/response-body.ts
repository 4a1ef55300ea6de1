// Takes the body out of what an upstream server sends, as its framing says, and says when it is
// complete. It gives ranges of the read buffer and holds nothing.

import { ChunkedDecoder, ChunkEvent } from './chunked.ts';
import type { Fields } from './fields.ts';
import { Framing } from './framing.ts';

/**
 * Reads one body after the other. What a read holds of the body: parts 0 to `count`, each from
 * `starts[i]` to `ends[i]` of the input.
 */
export class ResponseBody {
  #framing: number = Framing.none;
  #remaining = 0;
  readonly #decoder = new ChunkedDecoder();
  // They only ever grow: to shorten an array costs more than all the rest.
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  count = 0;
  bytes = 0;
  complete = false;
  /** Bytes followed the end of the body: the connection must not be used again. */
  excess = false;
  error: string | null = null;

  /**
   * Starts with the next body.
   *
   * @param framing - one of `Framing`
   * @param length - Content-Length where that is the framing
   */
  begin(framing: number, length: number): void {
    this.#framing = framing;
    this.#remaining = length;
    this.count = 0;
    this.bytes = 0;
    this.complete = framing === Framing.none || (framing === Framing.length && length === 0);
    this.excess = false;
    this.error = null;
    if (framing === Framing.chunked) this.#decoder.reset();
  }

  /** Fields that followed a body in chunks; null where there are none. */
  get trailers(): Fields | null {
    return this.#framing === Framing.chunked ? this.#decoder.trailers : null;
  }

  /** Can the end of the connection be the end of the body? */
  get endsWithConnection(): boolean {
    return this.#framing === Framing.close;
  }

  /** Reads `input[start, end)`; fills the parts. */
  feed(input: Buffer, start: number, end: number): void {
    this.count = 0;
    if (this.complete) {
      if (end > start) this.excess = true;
      return;
    }
    if (this.#framing === Framing.chunked) {
      this.#feedChunked(this.#decoder, input, start, end);
      return;
    }
    if (this.#framing === Framing.close) {
      this.#add(start, end);
      return;
    }
    const stop = Math.min(end, start + this.#remaining);
    this.#remaining -= stop - start;
    this.#add(start, stop);
    if (this.#remaining > 0) return;
    this.complete = true;
    if (stop < end) this.excess = true;
  }

  #feedChunked(decoder: ChunkedDecoder, input: Buffer, start: number, end: number): void {
    let at = start;
    for (;;) {
      const event = decoder.next(input, at, end);
      at = decoder.position;
      if (event === ChunkEvent.data) {
        this.#add(decoder.dataStart, decoder.dataEnd);
      } else if (event === ChunkEvent.done) {
        this.complete = true;
        if (at < end) this.excess = true;
        return;
      } else {
        if (event === ChunkEvent.error) this.error = decoder.error;
        return;
      }
    }
  }

  #add(start: number, end: number): void {
    if (end <= start) return;
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.count += 1;
    this.bytes += end - start;
  }
}
