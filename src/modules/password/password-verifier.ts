// Compares passwords with stored hashes. Slow ones go to a thread through a bounded queue, and what
// was right is remembered for a while, so that a client pays for its password once and not with each
// request.

import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { now } from '../../base/clock.ts';
import { passwordHashOf } from './password-hash.ts';
import type { PasswordQuestion } from './password-thread.ts';

const rememberedMs = 60_000;
const mostRemembered = 10_000;
/** Passwords that may wait to be computed: with bcrypt of cost 10 some ten seconds' worth. */
const mostWaiting = 200;

/** Null: the stored text is no hash that can be computed. */
export type PasswordVerdict = boolean | null;

/** Whoever waits for a slow comparison. */
export interface PasswordWaiter {
  onPasswordVerdict(verdict: PasswordVerdict): void;
}

interface Job extends PasswordQuestion {
  readonly key: string;
  readonly waiters: PasswordWaiter[];
}

/** Takes the same time wherever two texts differ. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')];
  return left.length === right.length && timingSafeEqual(left, right);
}

// As a package this is JavaScript.
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** One for a configuration of a worker. */
export class PasswordVerifier {
  readonly #secret = randomBytes(32).toString('hex');
  /** Until when a right password counts, by the hash of it and of what is stored. */
  readonly #right = new Map<string, number>();
  readonly #jobs = new Map<string, Job>();
  #current: Job | null = null;
  #thread: Worker | null = null;
  #closed = false;

  /** For hashes that are computed at once, and right passwords of before; 'slow': ask `start`. */
  check(password: string, stored: string): PasswordVerdict | 'slow' {
    const kind = passwordHashOf(stored);
    if (kind === null) return null;
    if (kind.slow) return this.#isRemembered(this.#keyOf(password, stored)) ? true : 'slow';
    const computed = kind.compute(Buffer.from(password, 'latin1'), stored);
    return computed === null ? null : sameText(computed, stored);
  }

  /**
   * Has a slow hash computed. Several who ask for the same wait together.
   *
   * @returns false where too many wait already: nobody will be told
   */
  start(password: string, stored: string, waiter: PasswordWaiter): boolean {
    const key = this.#keyOf(password, stored);
    const known = this.#jobs.get(key);
    if (known !== undefined) {
      known.waiters.push(waiter);
      return true;
    }
    if (this.#closed || this.#jobs.size >= mostWaiting) return false;
    this.#jobs.set(key, { key, password, stored, waiters: [waiter] });
    this.#next();
    return true;
  }

  /** The client is gone. A comparison for which nobody waits is left out. */
  forget(waiter: PasswordWaiter): void {
    for (const job of this.#jobs.values()) {
      const at = job.waiters.indexOf(waiter);
      if (at === -1) continue;
      job.waiters.splice(at, 1);
      if (job.waiters.length === 0 && job !== this.#current) this.#jobs.delete(job.key);
      return;
    }
  }

  close(): void {
    this.#closed = true;
    this.#failAll();
  }

  #keyOf(password: string, stored: string): string {
    return hash('sha256', `${this.#secret}${stored.length}:${stored}${password}`, 'base64');
  }

  #isRemembered(key: string): boolean {
    const until = this.#right.get(key);
    if (until === undefined) return false;
    if (until > now()) return true;
    this.#right.delete(key);
    return false;
  }

  #remember(key: string): void {
    if (this.#right.size >= mostRemembered) {
      for (const oldest of this.#right.keys()) {
        this.#right.delete(oldest);
        break;
      }
    }
    this.#right.set(key, now() + rememberedMs);
  }

  #next(): void {
    if (this.#current !== null) return;
    for (const job of this.#jobs.values()) {
      this.#current = job;
      const { password, stored } = job;
      this.#thread ??= this.#startThread();
      this.#thread.postMessage({ password, stored } satisfies PasswordQuestion);
      return;
    }
  }

  #startThread(): Worker {
    const url = new URL(`./password-thread${extension}`, import.meta.url);
    const thread = new Worker(url, { name: 'sallyport passwords' });
    thread.unref();
    thread.on('message', (computed: string | null) => this.#computed(computed));
    // Out of memory, say. The next password gets another thread.
    thread.on('error', () => undefined);
    thread.once('exit', () => {
      if (this.#thread === thread) this.#failAll();
    });
    return thread;
  }

  #computed(computed: string | null): void {
    const job = this.#current;
    if (job === null) return;
    this.#current = null;
    this.#jobs.delete(job.key);
    const verdict = computed === null ? null : sameText(computed, job.stored);
    if (verdict === true) this.#remember(job.key);
    this.#next();
    for (const waiter of job.waiters) waiter.onPasswordVerdict(verdict);
  }

  #failAll(): void {
    const thread = this.#thread;
    this.#thread = null;
    this.#current = null;
    void thread?.terminate();
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    for (const job of jobs) for (const waiter of job.waiters) waiter.onPasswordVerdict(null);
  }
}
