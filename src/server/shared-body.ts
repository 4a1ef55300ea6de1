// One stored request body for several exchanges: it is closed when the last of them has closed its
// share.

import type { StoredBody } from '../exchange/exchange.ts';

/** The body of a request with `Content-Length: 0`. */
export const emptyBody: StoredBody = {
  length: 0,
  inMemory: true,
  parts: () => [],
  append(): void {
    throw new Error('an empty body stays empty');
  },
  read: () => Buffer.alloc(0),
  close(): void {},
};

/** As many shares of a body, each to be closed by who holds it. */
export function shareBody(body: StoredBody, count: number): readonly StoredBody[] {
  const holders = { left: count };
  return Array.from({ length: count }, () => new BodyShare(body, holders));
}

class BodyShare implements StoredBody {
  readonly #body: StoredBody;
  readonly #holders: { left: number };
  #closed = false;

  constructor(body: StoredBody, holders: { left: number }) {
    this.#body = body;
    this.#holders = holders;
  }

  get length(): number {
    return this.#body.length;
  }

  get inMemory(): boolean {
    return this.#body.inMemory;
  }

  parts(): readonly Buffer[] {
    return this.#body.parts();
  }

  append(chunk: Buffer): void {
    this.#body.append(chunk);
  }

  read(position: number): Buffer {
    return this.#body.read(position);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#holders.left -= 1;
    if (this.#holders.left === 0) this.#body.close();
  }
}
