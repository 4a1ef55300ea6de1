// The body of one response on its way through its filters:
//
//   sendHead/sendBody -> filter -> filter -> socket         endBody follows when the last one ends
//
// Back-pressure is the sum of all: while a filter is busy or the socket is full, `write` says so,
// and whoever feeds the body hears of it again through the connection.

import type { BodyFilter, FilterOutput } from '../exchange/body-filter.ts';

/** The end of the line: what the connection does with filtered bytes. */
export interface PipelineEnd {
  /** @returns false where the client can't take more for now */
  write(chunk: Buffer): boolean;
  end(): void;
  fail(error: Error): void;
  /** The source may go on. */
  ready(): void;
}

/** All filters of one response. */
export class ResponsePipeline {
  readonly #filters: readonly BodyFilter[];
  readonly #end: PipelineEnd;
  #full = false;
  #waiting = false;
  #closed = false;

  constructor(filters: readonly BodyFilter[], end: PipelineEnd) {
    this.#filters = filters;
    this.#end = end;
    filters.forEach((filter, i) => filter.begin(this.#outputOf(i)));
  }

  /** @returns false where the source should wait until `ready` */
  write(chunk: Buffer): boolean {
    if (this.#closed) return true;
    if (chunk.length > 0) this.#filters[0]?.write(chunk);
    return this.#answer();
  }

  end(): void {
    if (!this.#closed) this.#filters[0]?.end();
  }

  /** The socket takes more again. */
  drained(): void {
    this.#full = false;
    this.#wake();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const filter of this.#filters) filter.close();
  }

  #answer(): boolean {
    const ready = !this.#full && !this.#filters.some((filter) => filter.busy);
    if (!ready) this.#waiting = true;
    return ready;
  }

  #wake(): void {
    if (!this.#waiting || this.#closed) return;
    if (this.#full || this.#filters.some((filter) => filter.busy)) return;
    this.#waiting = false;
    this.#end.ready();
  }

  #outputOf(index: number): FilterOutput {
    const next = this.#filters[index + 1];
    return {
      write: (chunk) => {
        if (this.#closed || chunk.length === 0) return;
        if (next !== undefined) next.write(chunk);
        else if (!this.#end.write(chunk)) this.#full = true;
      },
      end: () => {
        if (this.#closed) return;
        if (next !== undefined) next.end();
        else this.#end.end();
      },
      fail: (error) => {
        if (!this.#closed) this.#end.fail(error);
      },
      ready: () => this.#wake(),
    };
  }
}
