// A body filter around one of Node's compression streams, which work in the thread pool. What was
// written leaves at the latest when nothing followed for a moment, so that a stream of events is not
// held back until a block is full.

import type { Transform } from 'node:stream';
import type { BodyFilter, FilterOutput } from '../exchange/body-filter.ts';

/** A stream of node:zlib. */
export interface ZlibStream extends Transform {
  flush(callback?: () => void): void;
}

/** After so long without more bytes, in milliseconds, what there is goes out. */
const flushAfterMs = 100;

export class ZlibFilter implements BodyFilter {
  readonly #stream: ZlibStream;
  readonly #flushes: boolean;
  #timer: NodeJS.Timeout | null = null;

  /** @param flushes - false for streams that decompress */
  constructor(stream: ZlibStream, flushes: boolean) {
    this.#stream = stream;
    this.#flushes = flushes;
  }

  begin(out: FilterOutput): void {
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => out.write(chunk));
    stream.on('end', () => out.end());
    stream.on('error', (error) => out.fail(error));
    stream.on('drain', () => out.ready());
  }

  get busy(): boolean {
    return this.#stream.writableNeedDrain;
  }

  write(chunk: Buffer): void {
    this.#stream.write(chunk);
    if (!this.#flushes) return;
    if (this.#timer === null) {
      this.#timer = setTimeout(() => this.#flush(), flushAfterMs);
      this.#timer.unref();
    } else {
      this.#timer.refresh();
    }
  }

  end(): void {
    this.#stopTimer();
    this.#stream.end();
  }

  close(): void {
    this.#stopTimer();
    this.#stream.removeAllListeners();
    this.#stream.on('error', () => undefined);
    this.#stream.destroy();
  }

  #flush(): void {
    this.#timer = null;
    if (!this.#stream.destroyed) this.#stream.flush();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
