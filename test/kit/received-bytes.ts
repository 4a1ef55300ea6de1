// What a socket has received, kept in order, with promises for "until there is enough of it". A
// wait that takes too long fails with what has come so far, so that a test never hangs silently.

import type { Socket } from 'node:net';

type Attempt<T> = (bytes: Buffer, ended: boolean) => T | null;

export class ReceivedBytes {
  /** True when the other side has sent its end, or the connection is gone. */
  ended = false;
  /** Why the connection broke; null where it didn't. */
  error: Error | null = null;
  readonly #limitMs: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #taken = 0;
  #wake: (() => void)[] = [];
  #needed = 0;

  /** @param limitMs - milliseconds after which a wait fails */
  constructor(socket: Socket, limitMs: number) {
    this.#limitMs = limitMs;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      if (this.#length >= this.#needed) this.#notify();
    });
    socket.on('error', (error) => (this.error ??= error));
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.ended = true;
        this.#notify();
      });
    }
  }

  /** Everything ever received, also what has been taken. */
  get all(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** What has been received and not been taken. */
  get rest(): Buffer {
    return this.all.subarray(this.#taken);
  }

  take(length: number): Buffer {
    const bytes = this.rest.subarray(0, length);
    this.#taken += bytes.length;
    return bytes;
  }

  /** Resolves with the first result of `attempt` that is not null; it is asked whenever bytes come. */
  async until<T>(what: string, attempt: Attempt<T>): Promise<T> {
    const deadline = Date.now() + this.#limitMs;
    for (;;) {
      this.#needed = 0;
      const result = attempt(this.rest, this.ended);
      if (result !== null) return result;
      if (this.ended) throw this.#failure(`the connection ended before ${what}`);
      if (!(await this.#change(deadline - Date.now()))) {
        throw this.#failure(`${what} did not come within ${this.#limitMs} ms`);
      }
    }
  }

  /** For an attempt that knows how long the unread part must be: spares tries in between. */
  expect(length: number): void {
    this.#needed = this.#taken + length;
  }

  #failure(message: string): Error {
    const shown = this.rest.subarray(0, 500).toString('latin1');
    return new Error(`${message}; received so far: ${JSON.stringify(shown)}`, {
      cause: this.error ?? undefined,
    });
  }

  #change(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), Math.max(0, limitMs));
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resume of wake) resume();
  }
}
