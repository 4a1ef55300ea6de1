// Replaces strings in a body that comes in pieces. Letters of both cases match, as in nginx; the
// earliest match wins, and of several at one place the first that was configured.

import type { BodyFilter, FilterOutput } from '../exchange/body-filter.ts';

/** One string and what takes its place, one character per byte. */
export interface Replacement {
  readonly wanted: string;
  readonly text: string;
}

const noOutput: FilterOutput = { write() {}, end() {}, fail() {}, ready() {} };

export class ReplaceFilter implements BodyFilter {
  readonly busy = false;
  readonly #once: boolean;
  /** In lower case; those that are done are taken out. */
  #left: readonly Replacement[];
  #longest = 0;
  /** The end of what came, which may be the beginning of a match. */
  #kept = '';
  #out = noOutput;

  constructor(replacements: readonly Replacement[], once: boolean) {
    this.#once = once;
    this.#left = replacements.map(({ wanted, text }) => ({ wanted: lower(wanted), text }));
    this.#measure();
  }

  begin(out: FilterOutput): void {
    this.#out = out;
  }

  write(chunk: Buffer): void {
    if (this.#left.length === 0) {
      this.#out.write(chunk);
      return;
    }
    this.#replace(this.#kept + chunk.toString('latin1'), false);
  }

  end(): void {
    this.#replace(this.#kept, true);
    this.#out.end();
  }

  close(): void {
    this.#kept = '';
  }

  #replace(text: string, last: boolean): void {
    const folded = lower(text);
    let done = '';
    let from = 0;
    for (;;) {
      // A longer string might still begin before what stands too near to the end.
      const limit = last ? text.length : text.length - this.#longest + 1;
      const found = this.#earliest(folded, from, limit);
      if (found === null) break;
      done += text.slice(from, found.at) + found.what.text;
      from = found.at + found.what.wanted.length;
      if (!this.#once) continue;
      this.#left = this.#left.filter((one) => one !== found.what);
      this.#measure();
    }
    const sure = last || this.#left.length === 0 ? text.length : text.length - this.#longest + 1;
    const end = Math.max(from, sure);
    done += text.slice(from, end);
    this.#kept = text.slice(end);
    if (done !== '') this.#out.write(Buffer.from(done, 'latin1'));
  }

  #earliest(
    text: string,
    from: number,
    limit: number,
  ): { readonly at: number; readonly what: Replacement } | null {
    let best: { at: number; what: Replacement } | null = null;
    for (const what of this.#left) {
      const at = text.indexOf(what.wanted, from);
      if (at !== -1 && at < limit && (best === null || at < best.at)) best = { at, what };
    }
    return best;
  }

  #measure(): void {
    this.#longest = Math.max(1, ...this.#left.map(({ wanted }) => wanted.length));
  }
}

function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
