// The body filter of `charset`: text from one charset to another, chunk by chunk.

import type { BodyFilter, FilterOutput } from '../exchange/body-filter.ts';
import type { Converter } from './charset-table.ts';

export class CharsetFilter implements BodyFilter {
  readonly busy = false;
  readonly #converter: Converter;
  #out: FilterOutput | null = null;

  constructor(converter: Converter) {
    this.#converter = converter;
  }

  begin(out: FilterOutput): void {
    this.#out = out;
  }

  write(chunk: Buffer): void {
    this.#out?.write(this.#converter.convert(chunk));
  }

  end(): void {
    this.#out?.write(this.#converter.end());
    this.#out?.end();
  }

  close(): void {
    this.#out = null;
  }
}
