// Configurations that a reload has replaced. Requests under way still use their groups and write
// into their logs, upgraded connections perhaps for days: each one goes when its last request has
// ended, and not before.

import type { Snapshot } from './virtual-server.ts';

const lookEveryMs = 100;

/** An exchange that began with a snapshot, or a listener whose connections may begin one. */
export interface Unfinished {
  readonly finished: boolean;
}

interface Retired {
  readonly snapshot: Snapshot;
  unfinished: readonly Unfinished[];
}

/** All of one worker. */
export class RetiredSnapshots {
  #retired: Retired[] = [];
  /** What a snapshot is kept for: exchanges found busy later began earlier. */
  readonly #known = new WeakSet<Unfinished>();
  #timer: NodeJS.Timeout | null = null;

  /**
   * @param snapshot - no request begins with it any more
   * @param busy - all that is under way, with it or with earlier ones
   */
  add(snapshot: Snapshot, busy: readonly Unfinished[]): void {
    const unfinished = busy.filter((x) => !this.#known.has(x));
    for (const x of unfinished) this.#known.add(x);
    this.#retired.push({ snapshot, unfinished });
    this.#look();
  }

  /** Is there work left that no client waits for? */
  get unattended(): boolean {
    return this.#retired.some(({ snapshot }) => snapshot.unattended.size > 0);
  }

  reopenLogs(): void {
    for (const { snapshot } of this.#retired) snapshot.logFiles.reopenAll();
  }

  /** The worker ends: nothing uses them any more. */
  disposeAll(): void {
    for (const { snapshot } of this.#retired.splice(0)) {
      snapshot.unattended.dropAll();
      snapshot.dispose();
    }
    this.#look();
  }

  #look(): void {
    const over: Snapshot[] = [];
    this.#retired = this.#retired.filter((one) => {
      one.unfinished = one.unfinished.filter(({ finished }) => !finished);
      const isOver = one.unfinished.length === 0 && one.snapshot.unattended.size === 0;
      if (isOver) over.push(one.snapshot);
      return !isOver;
    });
    for (const snapshot of over) snapshot.dispose();
    if (this.#retired.length > 0) {
      this.#timer ??= setInterval(() => this.#look(), lookEveryMs).unref();
    } else if (this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }
}
