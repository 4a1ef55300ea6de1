// Notices a worker whose event loop does not turn any more: an endless loop answers no message. It
// would keep its connections, and take new ones, for ever.

import inspector from 'node:inspector';

/** How patient a watchdog is. */
export interface WatchdogTimes {
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** So many looks without an answer, and the worker is stuck. */
  readonly looks: number;
}

/** A minute: compiling thousands of servers may take a worker some seconds. */
export const watchdogTimes: WatchdogTimes = { everyMs: 10_000, looks: 6 };

/** What a watchdog works with. */
export interface WatchdogHooks {
  /** Resolves when the worker answers; rejects when it has ended. */
  ping(): Promise<void>;
  /** Called once. */
  stuck(seconds: number): void;
}

/** Watches one worker. */
export class Watchdog {
  readonly #times: WatchdogTimes;
  readonly #hooks: WatchdogHooks;
  readonly #timer: NodeJS.Timeout;
  #missed = 0;
  #waiting = false;

  constructor(times: WatchdogTimes, hooks: WatchdogHooks) {
    this.#times = times;
    this.#hooks = hooks;
    this.#timer = setInterval(() => this.#look(), times.everyMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  // Looks are counted, not time: while the whole process stands still there are none.
  #look(): void {
    if (!this.#waiting) {
      this.#missed = 0;
      this.#waiting = true;
      const answered = (): void => {
        this.#waiting = false;
      };
      this.#hooks.ping().then(answered, () => {});
      return;
    }
    this.#missed += 1;
    if (this.#missed < this.#times.looks) return;
    // Whoever debugs a worker stops it.
    if (inspector.url() !== undefined) return;
    this.close();
    this.#hooks.stuck((this.#missed * this.#times.everyMs) / 1000);
  }
}
