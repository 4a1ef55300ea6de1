// Timeouts for connections. A proxy arms and disarms a timer several times for each request and
// nearly none ever fires, so arming must cost a field write and no system work:
//
//   arm      writes the new deadline; the timer stays where it is queued, if that is soon enough
//   rest     forgets the deadline; the timer stays queued, for who will arm it again soon
//   disarm   leaves the queue too, so that nothing holds on to the timer any more
//   tick     looks at the timers whose turn has come: fires those that are due, queues those that
//            were armed anew for what is left, drops those that rest
//
// A queue holds timers of one duration in the order in which they were put in, so it is sorted by
// turn without any work.

const tickMs = 50;

interface Queue {
  readonly duration: number;
  head: CoarseTimer | null;
  tail: CoarseTimer | null;
}

const queues = new Map<number, Queue>();
let ticker: NodeJS.Timeout | null = null;
let clock = performance.now();

/**
 * A timer that may fire up to 100 ms late, never early. It keeps no event loop alive. Arming an
 * armed timer starts it anew.
 */
export class CoarseTimer {
  readonly #fire: () => void;
  // The rest is internal to this file.
  /** 0 where it is disarmed. */
  deadline = 0;
  /** When the tick looks at it next. */
  turn = 0;
  queue: Queue | null = null;
  previous: CoarseTimer | null = null;
  next: CoarseTimer | null = null;

  /** @param fire - called once for each arming that runs out; must not throw */
  constructor(fire: () => void) {
    this.#fire = fire;
  }

  get armed(): boolean {
    return this.deadline !== 0;
  }

  /** @param ms - milliseconds until it fires; at least 1 */
  arm(ms: number): void {
    if (ticker === null) startTicking();
    // `clock` lags by up to a tick, which must not make the timer fire early.
    this.deadline = clock + ms + tickMs;
    if (this.queue !== null) {
      if (this.turn <= this.deadline) return;
      leave(this, this.queue);
    }
    enter(this, ms);
  }

  /**
   * Stops it for now. DANGER: it is held on to, with all that its function holds, until the time
   * it was last armed for has passed; at the end of its owner's life it must be disarmed.
   */
  rest(): void {
    this.deadline = 0;
  }

  disarm(): void {
    this.deadline = 0;
    if (this.queue !== null) leave(this, this.queue);
  }

  run(): void {
    this.deadline = 0;
    this.#fire();
  }
}

function enter(timer: CoarseTimer, ms: number): void {
  let queue = queues.get(ms);
  if (queue === undefined) {
    queue = { duration: ms, head: null, tail: null };
    queues.set(ms, queue);
  }
  timer.turn = clock + ms + tickMs;
  timer.queue = queue;
  timer.previous = queue.tail;
  if (queue.tail === null) queue.head = timer;
  else queue.tail.next = timer;
  queue.tail = timer;
}

function leave(timer: CoarseTimer, queue: Queue): void {
  if (timer.previous === null) queue.head = timer.next;
  else timer.previous.next = timer.next;
  if (timer.next === null) queue.tail = timer.previous;
  else timer.next.previous = timer.previous;
  timer.queue = null;
  timer.previous = null;
  timer.next = null;
}

function startTicking(): void {
  clock = performance.now();
  ticker = setInterval(tick, tickMs);
  ticker.unref();
}

function tick(): void {
  clock = performance.now();
  for (const queue of queues.values()) {
    for (let timer = queue.head; timer !== null && timer.turn <= clock; timer = queue.head) {
      leave(timer, queue);
      if (timer.deadline === 0) continue;
      if (timer.deadline <= clock) timer.run();
      else enter(timer, waitFor(timer.deadline - clock));
    }
    if (queue.head === null) queues.delete(queue.duration);
  }
  if (queues.size > 0 || ticker === null) return;
  clearInterval(ticker);
  ticker = null;
}

// Of all that may be left, a few durations are enough: the timer is looked at again before it is
// due, at the latest after half of what is left.
function waitFor(left: number): number {
  let ms = 1;
  while (ms * 2 + tickMs <= left) ms *= 2;
  return ms;
}
