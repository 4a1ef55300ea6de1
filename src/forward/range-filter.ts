// Lets one part of a body through (`proxy_force_ranges`).

import type { BodyFilter, FilterOutput } from '../exchange/body-filter.ts';
import type { ResponseRange } from './proxy-settings.ts';

export class RangeFilter implements BodyFilter {
  readonly busy = false;
  readonly #range: ResponseRange;
  #position = 0;
  #out: FilterOutput | null = null;

  constructor(range: ResponseRange) {
    this.#range = range;
  }

  begin(out: FilterOutput): void {
    this.#out = out;
  }

  write(chunk: Buffer): void {
    const { start, end } = this.#range;
    const from = Math.max(start - this.#position, 0);
    const to = Math.min(end - this.#position, chunk.length);
    this.#position += chunk.length;
    if (to > from) this.#out?.write(chunk.subarray(from, to));
  }

  end(): void {
    this.#out?.end();
  }

  close(): void {
    this.#out = null;
  }
}
