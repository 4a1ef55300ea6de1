// The worker threads of proxies that this process runs, so that a test can end one. That is the
// supported way: `worker.terminate()` ends it in the middle of whatever it does, as an uncaught error
// would, and the proxy tells it by its event `workerDied`. How a worker ends that hangs, runs out of
// memory or calls `process.exit` is tested with the stub data path in `src/runtime`.

import type { Worker } from 'node:worker_threads';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';

/** Worker threads that live. */
export class LiveWorkers {
  readonly #workers: Worker[] = [];

  /** Follows all that are started from now on, until the end of `scope`. */
  static follow(scope?: Scope): LiveWorkers {
    const live = new LiveWorkers();
    const note = (worker: Worker): void => live.#note(worker);
    process.on('worker', note);
    atEnd(scope, () => void process.off('worker', note));
    return live;
  }

  /** In the order of their start. */
  get all(): readonly Worker[] {
    return this.#workers;
  }

  /** Ends the one that has lived longest. Resolves when it has ended. */
  async killOldest(): Promise<void> {
    await this.#workers[0]?.terminate();
  }

  #note(worker: Worker): void {
    this.#workers.push(worker);
    worker.once('exit', () => {
      this.#workers.splice(this.#workers.indexOf(worker), 1);
    });
  }
}
