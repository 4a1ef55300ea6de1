// What a configuration has under way that no client waits for: mirrored requests, what follows a
// request (`post_action`), copies that are being stored. It uses groups and logs as a client's
// request does, so neither a reload nor a shutdown lets go of them before it has ended.

/** One piece of such work. */
export interface Unattended {
  /** The worker ends now: give up. */
  drop(): void;
}

/** All of one snapshot. */
export class UnattendedWork {
  readonly #all = new Set<Unattended>();
  /** Called whenever the last piece has ended. */
  onEmpty: (() => void) | null = null;

  get size(): number {
    return this.#all.size;
  }

  begin(one: Unattended): void {
    this.#all.add(one);
  }

  /** May be called for what has not begun or has ended before. */
  end(one: Unattended): void {
    if (this.#all.delete(one) && this.#all.size === 0) this.onEmpty?.();
  }

  dropAll(): void {
    for (const one of [...this.#all]) one.drop();
  }
}
