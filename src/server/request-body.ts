// Takes the request body out of the bytes that follow the head: counted or chunked. Holds no bytes.

import { ChunkedDecoder, ChunkEvent } from '../http1/chunked.ts';
import type { BodySink } from '../exchange/downstream.ts';

/** Chunks below this are handed on together: one by one each would cost as much as a large one. */
const smallChunk = 1024;

/** Reads one request body. `failed` is a status once the body can't be read on. */
export class RequestBodyReader {
  #remaining = 0;
  #decoder: ChunkedDecoder | null = null;
  #limit = 0;
  #received = 0;
  ended = true;
  failed = 0;
  error = '';

  /**
   * @param length - Content-Length, -1 where the body is chunked
   * @param limit - client_max_body_size in bytes, 0 for none
   */
  begin(length: number, limit: number): void {
    this.#limit = limit;
    this.#received = 0;
    this.failed = 0;
    this.error = '';
    this.#remaining = length;
    this.#decoder = null;
    if (length < 0) this.#decoder = new ChunkedDecoder();
    this.ended = length === 0;
  }

  /** A limit that became known after the body began (the location's). */
  set limit(bytes: number) {
    this.#limit = bytes;
  }

  /**
   * @param input - its own until it returns: small chunks are moved together in what was consumed
   * @param sink - gets slices of `input`; null to throw the body away
   * @returns position after what was taken
   */
  feed(input: Buffer, position: number, sink: BodySink | null): number {
    if (this.#decoder !== null) return this.#feedChunked(this.#decoder, input, position, sink);
    const end = Math.min(input.length, position + this.#remaining);
    this.#remaining -= end - position;
    if (this.#remaining === 0) this.ended = true;
    if (sink !== null && end > position) sink.onBodyData(input.subarray(position, end));
    return end;
  }

  #feedChunked(
    decoder: ChunkedDecoder,
    input: Buffer,
    position: number,
    sink: BodySink | null,
  ): number {
    let at = position;
    // input[from..to) is what was taken and not handed on yet.
    let from = 0;
    let to = 0;
    for (;;) {
      const event = decoder.next(input, at, input.length);
      at = decoder.position;
      if (event !== ChunkEvent.data) {
        if (to > from) sink?.onBodyData(input.subarray(from, to));
        this.#noteEnd(event, decoder);
        return at;
      }
      const { dataStart, dataEnd } = decoder;
      this.#received += dataEnd - dataStart;
      if (this.#limit > 0 && this.#received > this.#limit) {
        this.#fail(413, 'client intended to send too large chunked body (client_max_body_size)');
        return at;
      }
      if (to > from && dataEnd - dataStart < smallChunk) {
        to = moveBack(input, to, decoder);
      } else {
        if (to > from) sink?.onBodyData(input.subarray(from, to));
        from = dataStart;
        to = dataEnd;
      }
    }
  }

  #noteEnd(event: number, decoder: ChunkedDecoder): void {
    if (event === ChunkEvent.done) this.ended = true;
    else if (event === ChunkEvent.error) {
      this.#fail(400, `client sent invalid chunked body: ${decoder.error}`);
    }
  }

  #fail(status: number, error: string): void {
    this.failed = status;
    this.error = error;
  }
}

/** Moves the data of a small chunk to where that before it ends; gives its new end. */
function moveBack(input: Buffer, to: number, { dataStart, dataEnd }: ChunkedDecoder): number {
  let end = to;
  for (let at = dataStart; at < dataEnd; at += 1) {
    input[end] = input[at] as number;
    end += 1;
  }
  return end;
}
