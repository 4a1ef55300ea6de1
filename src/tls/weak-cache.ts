// Contexts and trust stores cost megabytes of native memory and are shared by content. They are
// held weakly: those of an old configuration go when its last connection has gone.

/** Values by key, kept only as long as somebody else uses them. */
export class WeakCache<T extends object> {
  readonly #entries = new Map<string, WeakRef<T>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#entries.get(key)?.deref() === undefined) this.#entries.delete(key);
  });

  /** The value of the key, made where nobody has it. */
  get(key: string, make: () => T): T {
    const known = this.#entries.get(key)?.deref();
    if (known !== undefined) return known;
    const made = make();
    this.#entries.set(key, new WeakRef(made));
    this.#gone.register(made, key);
    return made;
  }
}
