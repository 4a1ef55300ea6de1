// One place for a worker: it outlives the workers that fill it. A death is answered with a
// restart, later each time that it happens soon again.

import type { SallyportError } from '../base/errors.ts';
import type { EngineHost, JobListener } from './engine-parts.ts';
import { healthyAfterMs } from './restart-delay.ts';

/** What a slot needs of the supervisor. */
export interface SlotHooks {
  createHost(workerId: number, onDeath: (cause: SallyportError) => void): EngineHost;
  /** @returns milliseconds until the restart after so many deaths in a row */
  restartDelay(deaths: number): number;
  /** A serving worker died; its successor comes after `delayMs`. */
  died(slot: WorkerSlot, cause: SallyportError, delayMs: number): void;
  /** The time has come to fill the slot again. */
  restart(slot: WorkerSlot): void;
}

/** The place of one worker. */
export class WorkerSlot {
  readonly id: number;
  /** What the worker here will listen on once it serves what was prepared. */
  prepared: readonly JobListener[] = [];
  readonly #hooks: SlotHooks;
  #host: EngineHost | null = null;
  #serving = false;
  #servingSince = 0;
  #deaths = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(id: number, hooks: SlotHooks) {
    this.id = id;
    this.#hooks = hooks;
  }

  /** Null while there is no worker here. */
  get host(): EngineHost | null {
    return this.#host;
  }

  /** Puts a new worker here, which serves nothing yet. */
  fill(listeners: readonly JobListener[]): EngineHost {
    this.prepared = listeners;
    const host = this.#hooks.createHost(this.id, (cause) => this.#died(host, cause));
    this.#host = host;
    return host;
  }

  /** From now on its death leads to a restart. */
  markServing(): void {
    this.#serving = true;
    this.#servingSince = performance.now();
  }

  /** Takes the worker out, so that its end is no death, and gives up any restart. */
  empty(): EngineHost | null {
    const host = this.#host;
    this.#host = null;
    this.#serving = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    return host;
  }

  /** A restart failed: try again, later. */
  retryLater(cause: SallyportError): void {
    this.#serving = false;
    this.#host = null;
    this.#scheduleRestart(cause);
  }

  #died(host: EngineHost, cause: SallyportError): void {
    if (host !== this.#host || !this.#serving) return;
    if (performance.now() - this.#servingSince >= healthyAfterMs) this.#deaths = 0;
    this.retryLater(cause);
  }

  #scheduleRestart(cause: SallyportError): void {
    this.#deaths += 1;
    const delayMs = this.#hooks.restartDelay(this.#deaths);
    this.#hooks.died(this, cause, delayMs);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#hooks.restart(this);
    }, delayMs);
  }
}
