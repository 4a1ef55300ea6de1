// Keeps the OCSP response of one certificate fresh: fetched once somebody needs it, then renewed by
// a timer until nobody is left who staples it. Servers with one certificate share it, and so do the
// policies before and after a reload: a reload loses no staple.

import { createHash } from 'node:crypto';
import type { LogLevel } from '../base/errors.ts';
import type { OcspSubject } from './ocsp-response.ts';
import { askOcsp } from './ocsp-client.ts';
import { WeakCache } from './weak-cache.ts';

/** Where what goes wrong is written. */
export type StapleLog = (level: LogLevel, message: string) => void;

/** As nginx: at most hourly, and five minutes after a failure. */
const renewMs = 3_600_000;
const retryMs = 300_000;
const withoutEndMs = 86_400_000;

/** Which certificate, and whom to ask. */
export interface StapleSubject extends OcspSubject {
  /** For messages: the file of the certificate. */
  readonly name: string;
  readonly responders: readonly string[];
}

interface Known {
  readonly der: Buffer;
  /** Milliseconds since the epoch. */
  readonly validUntil: number;
}

/** One certificate's response. */
export class StapleSource {
  readonly #subject: StapleSubject;
  readonly #users = new Map<object, StapleLog>();
  #known: Known | null = null;
  #timer: NodeJS.Timeout | null = null;
  #asking: { readonly done: Promise<void>; readonly abort: AbortController } | null = null;

  constructor(subject: StapleSubject) {
    this.#subject = subject;
  }

  /** The response, unless its time is over. */
  get der(): Buffer | null {
    const known = this.#known;
    return known !== null && Date.now() <= known.validUntil ? known.der : null;
  }

  /** Resolves when the question that is under way, if there is one, has been answered. */
  get answered(): Promise<void> {
    return this.#asking?.done ?? Promise.resolve();
  }

  /** From the first user on it is kept fresh. */
  use(user: object, log: StapleLog): void {
    this.#users.set(user, log);
    if (this.#asking === null && this.#timer === null) this.#ask();
  }

  /** With the last user gone nothing runs any more. What is known stays. */
  release(user: object): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#asking?.abort.abort();
    this.#asking = null;
  }

  #ask(): void {
    const abort = new AbortController();
    const asking = { abort, done: this.#renew(abort.signal) };
    this.#asking = asking;
    this.#timer = null;
    void asking.done.then(() => {
      if (this.#asking === asking) this.#asking = null;
    });
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const answer = await askOcsp({ ...this.#subject, signal });
    if (signal.aborted) return;
    let next = retryMs;
    if (answer.verdict === null) {
      for (const problem of answer.problems) this.#complain(problem);
    } else if (answer.verdict.kind === 'good') {
      const { thisUpdate, nextUpdate } = answer.verdict;
      const validUntil = nextUpdate ?? thisUpdate + withoutEndMs;
      this.#known = { der: answer.der, validUntil };
      next = Math.max(retryMs, Math.min(validUntil - retryMs - Date.now(), renewMs));
    } else {
      this.#known = null;
      this.#complain(`certificate status "${answer.verdict.kind}" in the OCSP response`);
    }
    this.#timer = setTimeout(() => this.#ask(), next).unref();
  }

  #complain(problem: string): void {
    const [log] = this.#users.values();
    log?.('error', `OCSP stapling for the certificate "${this.#subject.name}": ${problem}`);
  }
}

const sources = new WeakCache<StapleSource>();

/** The source for a certificate; one for all that ask for the same. */
export function stapleSource(subject: StapleSubject): StapleSource {
  const hash = createHash('sha256').update(JSON.stringify(subject.responders));
  const key = hash.update(subject.leaf.raw).update(subject.issuer.raw).digest('hex');
  return sources.get(key, () => new StapleSource(subject));
}
