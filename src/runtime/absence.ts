// The time without workers, after WINCH: how many are to come back, and what keeps the process alive
// until then, since signals alone don't.

const longMs = 86_400_000;

/** Workers that were let go. */
export class Absence {
  /** How many there were. */
  readonly count: number;
  readonly #stay: NodeJS.Timeout;

  constructor(count: number) {
    this.count = count;
    this.#stay = setInterval(() => {}, longMs);
  }

  /** They are back, or never will be. */
  end(): void {
    clearInterval(this.#stay);
  }
}
