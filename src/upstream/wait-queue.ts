// `queue`: requests that wait until a server of their group can take one more. The first to come is
// the first to be served.

import { CoarseTimer } from '../base/coarse-timer.ts';

/** `queue N timeout=TIME`. */
export interface QueueSettings {
  readonly length: number;
  readonly timeoutMs: number;
}

/** A request that waits. */
export interface Waiter {
  /** A server may be free: to be asked for again. @returns false where there was none. */
  tryAgain(): boolean;
  /** It has waited too long, and waits no more. */
  onQueueTimeout(): void;
}

/** Servers also come back without anything that happens here: by time, or in another worker. */
const lookAgainMs = 50;

interface Place {
  readonly waiter: Waiter;
  readonly timer: CoarseTimer;
}

/** The requests that wait for the servers of one group in one worker. */
export class WaitQueue {
  readonly settings: QueueSettings;
  readonly #places = new Map<Waiter, Place>();
  #look: NodeJS.Timeout | null = null;
  #woken = false;

  constructor(settings: QueueSettings) {
    this.settings = settings;
  }

  /** Requests that wait now. */
  get size(): number {
    return this.#places.size;
  }

  /** @returns false where the queue is full */
  enter(waiter: Waiter): boolean {
    if (this.#places.size >= this.settings.length) return false;
    const timer = new CoarseTimer(() => {
      this.leave(waiter);
      waiter.onQueueTimeout();
    });
    timer.arm(Math.max(1, this.settings.timeoutMs));
    this.#places.set(waiter, { waiter, timer });
    this.#look ??= setInterval(() => this.#serve(), lookAgainMs);
    return true;
  }

  /** The request waits no more. */
  leave(waiter: Waiter): void {
    const place = this.#places.get(waiter);
    if (place === undefined) return;
    place.timer.disarm();
    this.#places.delete(waiter);
    if (this.#places.size > 0 || this.#look === null) return;
    clearInterval(this.#look);
    this.#look = null;
  }

  /**
   * A request has ended. Who waits is served after the present turn, so that the connection is back
   * in its pool by then.
   */
  wake(): void {
    if (this.#places.size === 0 || this.#woken) return;
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      this.#serve();
    });
  }

  #serve(): void {
    for (const { waiter } of [...this.#places.values()]) {
      if (!this.#places.has(waiter)) continue;
      if (!waiter.tryAgain()) return;
    }
  }
}
