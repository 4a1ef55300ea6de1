// The supervisor's side of one worker thread: requests become promises; a thread that ends before
// it was told to is a death, reported once with its cause.

import { setFlagsFromString } from 'node:v8';
import { Worker, type Transferable } from 'node:worker_threads';
import { SallyportError } from '../base/errors.ts';
import type { WorkerSeat } from '../base/worker-seat.ts';
import type { EngineHost, EngineJob } from './engine-parts.ts';
import { fromFailure, type Ask, type Report, type WorkerData } from './worker-protocol.ts';

/** A worker that does not answer a `close` in this time is stuck in its own code. */
const closePatienceMs = 2_000;

/** How a worker thread is started and what it reports to. */
export interface WorkerThreadOptions {
  readonly url: URL;
  readonly workerId: number;
  readonly seat: WorkerSeat;
  /** An error that the worker survived. */
  readonly onError: (error: SallyportError) => void;
  /** It ended unasked. Called once, after its sockets are closed. */
  readonly onDeath: (cause: SallyportError) => void;
  /** It ended, asked or not. Called once, before `onDeath`. */
  readonly onExit: () => void;
}

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** An engine in a worker thread. */
export class WorkerThread implements EngineHost {
  readonly #worker: Worker;
  readonly #options: WorkerThreadOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #ending = false;
  #cause: unknown = null;
  #death: SallyportError | null = null;

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
    roomForYoungObjects();
    const { workerId, seat } = options;
    const workerData: WorkerData = { workerId, seat };
    this.#worker = new Worker(options.url, { workerData, name: `sallyport ${workerId}` });
    this.#worker.on('message', (report: Report) => this.#receive(report));
    // Without this listener an error in a worker would end the whole process.
    this.#worker.on('error', (error: unknown) => {
      this.#cause = error;
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#exit(code);
        resolve();
      });
    });
  }

  prepare(job: EngineJob): Promise<void> {
    const handles = job.listeners.flatMap(({ handle }) => (handle === null ? [] : [handle]));
    // The types don't know yet that a BoundSocket is transferable.
    return this.#ask({ kind: 'prepare', job }, handles as unknown as Transferable[]);
  }

  commit(): Promise<void> {
    return this.#ask({ kind: 'commit' });
  }

  abandon(): Promise<void> {
    return this.#ask({ kind: 'abandon' });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#ending = true;
    await this.#ask({ kind: 'drain', timeoutMs }).catch(() => {});
    await this.#worker.terminate();
    await this.#exited;
  }

  async close(): Promise<void> {
    this.#ending = true;
    const patience = new Promise<void>((resolve) => setTimeout(resolve, closePatienceMs).unref());
    await Promise.race([this.#ask({ kind: 'close' }).catch(() => {}), patience]);
    await this.#worker.terminate();
    await this.#exited;
  }

  reopenLogs(): void {
    this.#ask({ kind: 'reopen' }).catch((error: unknown) => {
      if (error instanceof SallyportError && !this.#ending) this.#options.onError(error);
    });
  }

  #ask(ask: Ask, transfer: readonly Transferable[] = []): Promise<void> {
    // Whoever asks a thread that is gone must not wait for ever.
    if (this.#death !== null) return Promise.reject(this.#death);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<void>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ask }, transfer);
    });
  }

  #receive(report: Report): void {
    if (report.kind === 'error') {
      this.#options.onError(fromFailure(report.failure));
      return;
    }
    const pending = this.#pending.get(report.id);
    this.#pending.delete(report.id);
    if (report.failure === null) pending?.resolve();
    else pending?.reject(fromFailure(report.failure));
  }

  #exit(code: number): void {
    this.#options.onExit();
    const death = this.#describe(code);
    this.#death = death;
    for (const pending of this.#pending.values()) pending.reject(death);
    this.#pending.clear();
    if (!this.#ending) this.#options.onDeath(death);
  }

  #describe(code: number): SallyportError {
    const cause = this.#cause;
    const what = cause instanceof Error ? (cause.stack ?? cause.message) : `exit code ${code}`;
    const message = `worker ${this.#options.workerId} died: ${what}`;
    return new SallyportError('WORKER_DIED', message, cause ?? undefined);
  }
}

let roomMade = false;

// What a request allocates is garbage when it ends. With V8's usual young generation, which starts
// at a megabyte, much of it is still alive at each of many collections; 32 MB cost a worker that is
// busy 5 to 7 % less CPU (measured), and one that is idle no memory. The flag is read when a
// thread's heap is made, so it comes before the first worker.
function roomForYoungObjects(): void {
  if (roomMade) return;
  roomMade = true;
  setFlagsFromString('--min-semi-space-size=32');
  setFlagsFromString('--max-semi-space-size=32');
}
