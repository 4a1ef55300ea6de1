// Takes the body out of what an upstream server sends, as its framing says, and says when it is
// complete. It gives ranges of the read buffer and holds nothing.

import { ChunkedDecoder, ChunkEvent } from '../http1/chunked.ts';
import { Framing } from '../http1/framing.ts';

/** What one read holds of a body. Start and end of each part lie beside each other in `parts`. */
export class ResponseBody {
  #framing: number;
  #remaining: number;
  readonly #decoder: ChunkedDecoder | null;
  /** start, end, start, end, … within the last input. */
  readonly parts: number[] = [];
  bytes = 0;
  complete = false;
  /** Bytes followed the end of the body: the connection must not be used again. */
  excess = false;
  error: string | null = null;

  constructor(framing: number, length: number) {
    this.#framing = framing;
    this.#remaining = length;
    this.#decoder = framing === Framing.chunked ? new ChunkedDecoder() : null;
    if (framing === Framing.none || (framing === Framing.length && length === 0)) {
      this.complete = true;
    }
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
    if (this.#decoder !== null) {
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
