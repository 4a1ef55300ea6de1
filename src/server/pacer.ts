// `limit_rate`: lets the body of a response out at a rate. The last filter of its response: what may
// not leave yet waits here, and while anything waits the source is told to wait too, so that no more
// than one read of it is ever held.

import { CoarseTimer } from '../base/coarse-timer.ts';
import type { BodyFilter, FilterOutput } from '../exchange/body-filter.ts';

/** The rate of a location. */
export interface RateLimit<X> {
  /** Bytes per second; 0 for no limit. */
  rate(x: X): number;
  /** Bytes that leave before the rate applies. */
  after(x: X): number;
}

/** Bytes leave in parts of this share of a second; the first of them at once. */
const slicesPerSecond = 8;
const leastWaitMs = 50;

/** How many bytes leave at once when a response begins. */
export function bytesAtOnce(rate: number, after: number): number {
  return after + Math.ceil(rate / slicesPerSecond);
}

/** Paces one response. */
export class Pacer implements BodyFilter {
  /** Bytes that wait. */
  queued = 0;
  readonly #rate: number;
  readonly #queue: Buffer[] = [];
  readonly #timer = new CoarseTimer(() => this.go());
  readonly #clock: () => number;
  #out: FilterOutput | null = null;
  /** Bytes that may leave now. */
  #credit: number;
  #creditAt: number;
  #ending = false;

  /**
   * @param rate - bytes per second, above 0
   * @param after - bytes that leave at once
   * @param clock - milliseconds, steady
   */
  constructor(rate: number, after: number, clock: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#credit = bytesAtOnce(rate, after);
    this.#clock = clock;
    this.#creditAt = clock();
  }

  get busy(): boolean {
    return this.queued > 0;
  }

  begin(out: FilterOutput): void {
    this.#out = out;
  }

  write(chunk: Buffer): void {
    this.#queue.push(chunk);
    this.queued += chunk.length;
    // What waits already has its timer.
    if (this.#queue.length === 1) this.#send();
  }

  end(): void {
    this.#ending = true;
    if (!this.busy) this.#out?.end();
  }

  close(): void {
    this.#timer.disarm();
    this.#queue.length = 0;
    this.queued = 0;
    this.#out = null;
  }

  /** Sends what may leave by now. For its timer. */
  go(): void {
    if (!this.busy) return;
    this.#send();
    if (this.busy) return;
    if (this.#ending) this.#out?.end();
    else this.#out?.ready();
  }

  // Time without anything to send is worth a second at most, so that what comes after it does not
  // leave in one burst.
  #refill(): void {
    const time = this.#clock();
    const earned = ((time - this.#creditAt) * this.#rate) / 1000;
    this.#creditAt = time;
    const most = Math.max(this.#rate, this.#credit);
    this.#credit = Math.min(most, this.#credit + earned);
  }

  #send(): void {
    this.#refill();
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      const bytes = Math.min(chunk.length, Math.floor(this.#credit));
      if (bytes === 0) break;
      this.#credit -= bytes;
      this.queued -= bytes;
      if (bytes === chunk.length) this.#queue.shift();
      else this.#queue[0] = chunk.subarray(bytes);
      this.#out?.write(chunk.subarray(0, bytes));
    }
    if (this.busy) this.#timer.arm(this.#waitMs());
  }

  #waitMs(): number {
    const wanted = Math.min(this.queued, Math.max(1, this.#rate / slicesPerSecond));
    return Math.max(leastWaitMs, Math.ceil(((wanted - this.#credit) * 1000) / this.#rate));
  }
}
