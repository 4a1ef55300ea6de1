// Work that is asked for by signals: never twice at a time, and after the last request once more.

/** Does the same thing again and again. */
export class Coalesced {
  readonly #work: () => Promise<void>;
  #running = false;
  #again = false;

  /** @param work - must not reject */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Does it now, or once more when what is under way is done. */
  ask(): void {
    this.#again = true;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#again) {
      this.#again = false;
      await this.#work();
    }
    this.#running = false;
  }
}
