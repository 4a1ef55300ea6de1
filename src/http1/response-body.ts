// Takes the body out of what an upstream server sends, as its framing says, and says when it is
// complete. It gives ranges of the read buffer and holds nothing.

import { ChunkedDecoder, ChunkEvent } from './chunked.ts';
import { Framing } from './framing.ts';

/** Reads one body after the other. What one read holds of a body: Start and end of each part lie beside each other in `parts`. */
export class ResponseBody {
  #framing: number = Framing.none;
  #remaining = 0;
  readonly #decoder = new ChunkedDecoder();
  /** start, end, start, end, … within the last input. */
  readonly parts: number[] = [];
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
    this.parts.length = 0;
    this.bytes = 0;
    this.complete = framing === Framing.none || (framing === Framing.length && length === 0);
    this.excess = false;
    this.error = null;
    if (framing === Framing.chunked) this.#decoder.reset();
  }

  /** Can the end of the connection be the end of the body? */
  get endsWithConnection(): boolean {
    return this.#framing === Framing.close;
  }

  /** Reads `input[start, end)`; fills `parts`. */
  feed(input: Buffer, start: number, end: number): void {
    this.parts.length = 0;
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
    this.parts.push(start, end);
    this.bytes += end - start;
  }
}
