// A request that waits until a server of its group is free (`queue`): its place among the others, and
// how long it has been there. Made for the few requests that wait at all.

import { now } from '../base/clock.ts';
import type { Waiter, WaitQueue } from '../upstream/wait-queue.ts';

/** What waits. */
export interface QueuedRequest {
  /**
   * A server may be free.
   *
   * @returns false where there was none: it goes on waiting
   */
  onTurn(): boolean;
  /** It has waited too long, and waits no more. */
  onWaitedTooLong(): void;
}

/** The place of one request. */
export class QueuePlace implements Waiter {
  readonly #request: QueuedRequest;
  readonly #queue: WaitQueue;
  #waits = false;
  /** When it began to wait; 0: it has not, since the time was taken last. */
  #since = 0;

  constructor(request: QueuedRequest, queue: WaitQueue) {
    this.#request = request;
    this.#queue = queue;
  }

  /** @returns false where the queue is full */
  enter(): boolean {
    this.#waits = this.#queue.enter(this);
    if (this.#waits) this.#since = now();
    return this.#waits;
  }

  /** It waits no more, if it did. */
  leave(): void {
    if (!this.#waits) return;
    this.#waits = false;
    this.#queue.leave(this);
  }

  /** Milliseconds that it has waited since this was asked last; -1: it has not. */
  takeTime(): number {
    if (this.#since === 0) return -1;
    const time = now() - this.#since;
    this.#since = 0;
    return time;
  }

  tryAgain(): boolean {
    const served = this.#request.onTurn();
    if (served) this.leave();
    return served;
  }

  onQueueTimeout(): void {
    this.#waits = false;
    this.#request.onWaitedTooLong();
  }
}
