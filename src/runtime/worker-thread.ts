// The supervisor's side of one worker thread: requests become promises; a thread that ends before
// it was told to is a death, reported once with its cause.

import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { Worker, type Transferable } from 'node:worker_threads';
import { SallyportError } from '../base/errors.ts';
import type { WorkerSeat } from '../base/worker-seat.ts';
import type { ClosedSockets, EngineHost, EngineJob, JobListener } from './engine-parts.ts';
import { Watchdog, type WatchdogTimes } from './watchdog.ts';
import { workerEnvironment } from './worker-environment.ts';
import { fromFailure, type Ask, type Report, type WorkerData } from './worker-protocol.ts';

/** A worker that does not answer a `close` in this time is stuck in its own code. */
const closePatienceMs = 2_000;
/** One that cannot be ended in this time is stuck in a call of the system. */
const endPatienceMs = 2_000;

/** How a worker thread is started and what it reports to. */
export interface WorkerThreadOptions {
  readonly url: URL;
  readonly workerId: number;
  readonly seat: WorkerSeat;
  /** An error that the worker survived. */
  readonly onError: (error: SallyportError) => void;
  /** It ended unasked. Called once, after its sockets are closed. */
  readonly onDeath: (cause: SallyportError) => void;
  /** It ended, asked or not. Called once; before `onDeath`, unless it cannot be ended. */
  readonly onExit: () => void;
  /** It hangs in a call of the system and lives on, for as long as that takes. Called once. */
  readonly onStuck: () => void;
  readonly watchdog: WatchdogTimes;
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
  readonly #watchdog: Watchdog;
  #lastId = 0;
  #ending = false;
  #stuck = false;
  #cause: unknown = null;
  #death: SallyportError | null = null;

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
    roomForYoungObjects();
    const { workerId, seat } = options;
    const workerData: WorkerData = { workerId, seat };
    const name = `sallyport ${workerId}`;
    this.#worker = new Worker(options.url, { workerData, name, env: workerEnvironment() });
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
    this.#watchdog = new Watchdog(options.watchdog, {
      ping: () => this.#ask({ kind: 'ping' }),
      stuck: (seconds) => this.#kill(`it has not answered for ${seconds} s`),
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

  listen(listeners: readonly JobListener[], closed: ClosedSockets): Promise<void> {
    return this.#ask({ kind: 'listen', listeners, closed });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#ending = true;
    await this.#ask({ kind: 'drain', timeoutMs }).catch(() => {});
    await this.#end();
  }

  async close(): Promise<void> {
    this.#ending = true;
    const closed = this.#ask({ kind: 'close' }).catch(() => {});
    await within(closed, closePatienceMs);
    await this.#end();
  }

  // Nothing can end a thread that is in a call of the system.
  async #end(): Promise<void> {
    void this.#worker.terminate();
    if (await within(this.#exited, endPatienceMs)) return;
    if (this.#stuck) return;
    this.#stuck = true;
    this.#options.onStuck();
    this.#die('it hangs in a call of the system and cannot be ended');
  }

  reopenLogs(): void {
    this.#ask({ kind: 'reopen' }).catch((error: unknown) => {
      if (error instanceof SallyportError && !this.#ending) this.#options.onError(error);
    });
  }

  // The reason stands for the cause that a thread which is stopped cannot give.
  #kill(reason: string): void {
    this.#cause ??= reason;
    void this.#end();
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
    const cause = this.#cause;
    this.#die(cause === null ? `exit code ${code}` : describeCause(cause));
  }

  #die(what: string): void {
    this.#watchdog.close();
    if (this.#death !== null) return;
    const message = `worker ${this.#options.workerId} died: ${what}`;
    const death = new SallyportError('WORKER_DIED', message, this.#cause ?? undefined);
    this.#death = death;
    for (const pending of this.#pending.values()) pending.reject(death);
    this.#pending.clear();
    if (!this.#ending) this.#options.onDeath(death);
  }
}

/** Is it settled in this time? */
function within(work: Promise<void>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), limitMs);
    void work.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

// Anything can be thrown.
function describeCause(cause: unknown): string {
  if (typeof cause === 'string') return cause;
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
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
