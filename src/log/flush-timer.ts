// One timer for all log files of a thread: it is armed by the first line after a flush and wakes
// every file that has gathered something since. It keeps no event loop alive, so whoever stops a
// worker closes its files.

/** Something that gathers text and can start writing it. */
export interface Flushable {
  /** Starts writing what is gathered; never throws. */
  startFlush(): void;
}

/** The timer of one thread. */
export class FlushTimer {
  readonly #delay: number;
  #waiting: Flushable[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** @param delay - milliseconds after the first gathered line, default 100 */
  constructor(delay = 100) {
    this.#delay = delay;
  }

  /** Wakes `target` once, at the next tick of the timer. */
  add(target: Flushable): void {
    this.#waiting.push(target);
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#fire(), this.#delay);
    this.#timer.unref();
  }

  #fire(): void {
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const target of waiting) target.startFlush();
  }
}
