// Timeouts for connections. A proxy arms and disarms a timer several times for each request and
// nearly none ever fires, so arming must cost a field write or two and no system work:
//
//   one ticking interval for all  ->  a list per duration, oldest deadline first
//
// All timers of one duration expire in the order in which they were armed, so each list stays
// sorted by itself: arming moves a node to the end, a tick looks only at the first ones.

const tickMs = 50;

interface TimerList {
  readonly duration: number;
  head: CoarseTimer | null;
  tail: CoarseTimer | null;
}

const lists = new Map<number, TimerList>();
let ticker: NodeJS.Timeout | null = null;
let armedCount = 0;
let clock = performance.now();

/**
 * A timer that may fire up to 50 ms late, never early. It keeps no event loop alive. Re-arming an
 * armed timer starts it anew.
 */
export class CoarseTimer {
  readonly #fire: () => void;
  /** Internal to this file: links and list of an armed timer. */
  list: TimerList | null = null;
  prev: CoarseTimer | null = null;
  next: CoarseTimer | null = null;
  deadline = 0;

  /** @param fire - called once for each arming that runs out; must not throw */
  constructor(fire: () => void) {
    this.#fire = fire;
  }

  get armed(): boolean {
    return this.list !== null;
  }

  /** @param ms - milliseconds until it fires; at least 1 */
  arm(ms: number): void {
    if (ticker === null) startTicking();
    const list = this.list;
    if (list !== null && list.duration === ms) {
      this.deadline = clock + ms;
      if (list.tail === this) return;
      unlink(list, this);
      append(list, this);
      return;
    }
    if (list !== null) this.disarm();
    let target = lists.get(ms);
    if (target === undefined) {
      target = { duration: ms, head: null, tail: null };
      lists.set(ms, target);
    }
    this.deadline = clock + ms;
    append(target, this);
    this.list = target;
    armedCount += 1;
  }

  disarm(): void {
    const list = this.list;
    if (list === null) return;
    unlink(list, this);
    this.list = null;
    armedCount -= 1;
  }

  /** Internal to this file. */
  run(): void {
    this.#fire();
  }
}

function append(list: TimerList, timer: CoarseTimer): void {
  timer.prev = list.tail;
  timer.next = null;
  if (list.tail === null) list.head = timer;
  else list.tail.next = timer;
  list.tail = timer;
}

function unlink(list: TimerList, timer: CoarseTimer): void {
  if (timer.prev === null) list.head = timer.next;
  else timer.prev.next = timer.next;
  if (timer.next === null) list.tail = timer.prev;
  else timer.next.prev = timer.prev;
  timer.prev = null;
  timer.next = null;
}

function startTicking(): void {
  clock = performance.now();
  ticker = setInterval(tick, tickMs);
  ticker.unref();
}

// `clock` lags by up to one tick when a timer is armed, so a deadline could come early by that
// much: a tick's length is added when it is compared.
function tick(): void {
  clock = performance.now();
  for (const list of lists.values()) {
    let timer = list.head;
    while (timer !== null && timer.deadline + tickMs <= clock) {
      timer.disarm();
      timer.run();
      timer = list.head;
    }
    if (list.head === null) lists.delete(list.duration);
  }
  if (armedCount === 0 && ticker !== null) {
    clearInterval(ticker);
    ticker = null;
  }
}
