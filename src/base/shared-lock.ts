// A lock of two words in memory that threads share. It is held for microseconds at a time, so who
// has to wait spins first and then naps. Its word names the holder: a thread that ends while it holds
// the lock is found out, by who watches over the threads (`breakFrom`) or, at the latest, by waiting.

const free = 0;
/** Tries before the first nap: about as long as a holder that runs needs. */
const spins = 2_000;
const napMs = 1;
/** Naps during which nothing moves before the holder counts as dead. */
const patience = 500;

/** The lock, as one thread sees it. */
export class SharedLock {
  readonly #words: Int32Array;
  readonly #owner: number;
  readonly #turn: number;
  readonly #me: number;

  /**
   * @param words - over a SharedArrayBuffer; zeros are a free lock
   * @param at - index of its two words
   * @param me - number of this thread, unlike those of all that share the lock; at least 1
   */
  constructor(words: Int32Array, at: number, me: number) {
    this.#words = words;
    this.#owner = at;
    this.#turn = at + 1;
    this.#me = me;
  }

  /**
   * Waits until the lock is this thread's.
   *
   * @returns false where it was taken from a thread that ended while it held it: what the lock
   *   guards may be half changed
   */
  acquire(): boolean {
    const words = this.#words;
    for (let tries = 0; tries < spins; tries += 1) {
      if (Atomics.compareExchange(words, this.#owner, free, this.#me) === free) return this.#mine();
    }
    return this.#nap();
  }

  #mine(): true {
    const words = this.#words;
    words[this.#turn] = ((words[this.#turn] ?? 0) + 1) | 0;
    return true;
  }

  // Naps are counted, not timed: a process that was stopped for a while finds time passed, but its
  // other threads have had no chance to go on.
  #nap(): boolean {
    const words = this.#words;
    let holder = Atomics.load(words, this.#owner);
    let turn = Atomics.load(words, this.#turn);
    for (let naps = 0; naps < patience; naps += 1) {
      if (Atomics.compareExchange(words, this.#owner, free, this.#me) === free) return this.#mine();
      Atomics.wait(words, this.#owner, holder, napMs);
      const nextHolder = Atomics.load(words, this.#owner);
      const nextTurn = Atomics.load(words, this.#turn);
      if (nextHolder === holder && nextTurn === turn) continue;
      holder = nextHolder;
      turn = nextTurn;
      naps = 0;
    }
    if (Atomics.compareExchange(words, this.#owner, holder, this.#me) !== holder) {
      return this.acquire();
    }
    this.#mine();
    return holder === free;
  }

  /** Gives it back. Where it was taken away meanwhile, nothing happens. */
  release(): void {
    Atomics.compareExchange(this.#words, this.#owner, this.#me, free);
  }

  /**
   * Takes the lock over from a thread that is known to have ended.
   *
   * @returns whether that thread held it: what the lock guards is then to be mended
   */
  breakFrom(dead: number): boolean {
    if (Atomics.compareExchange(this.#words, this.#owner, dead, this.#me) !== dead) return false;
    return this.#mine();
  }
}
