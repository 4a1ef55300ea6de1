// The descriptor of a listening socket on its way to a server of this thread. Until one has taken
// it, somebody must close it.

/** A descriptor with one owner. */
export class ListenDescriptor implements Disposable {
  #descriptor: number | null;
  readonly #close: (descriptor: number) => void;

  /** @param close - the `close` of the system: that of `node:fs` warns in a worker thread */
  constructor(descriptor: number, close: (descriptor: number) => void) {
    this.#descriptor = descriptor;
    this.#close = close;
  }

  /**
   * The caller owns it from now on.
   *
   * @throws Error where it was taken or closed before
   */
  take(): number {
    const descriptor = this.#descriptor;
    if (descriptor === null) throw new Error('the descriptor was taken before');
    this.#descriptor = null;
    return descriptor;
  }

  /** Closes it, unless it was taken. */
  [Symbol.dispose](): void {
    if (this.#descriptor !== null) this.#close(this.#descriptor);
    this.#descriptor = null;
  }
}
