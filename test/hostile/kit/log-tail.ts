// The lines of a log that a test has not seen yet, without reading the whole file again and again.

import { closeSync, openSync, readSync } from 'node:fs';

export class LogTail {
  readonly #file: number;
  #lines: string[] = [];
  #rest = '';

  /** @param path - of a file that exists */
  constructor(path: string) {
    this.#file = openSync(path, 'r');
    process.once('exit', () => closeSync(this.#file));
  }

  /** Lines since `forget` that hold this text. */
  with(text: string): string[] {
    this.#read();
    return this.#lines.filter((line) => line.includes(text));
  }

  /** From here on only new lines count. */
  forget(): void {
    this.#read();
    this.#lines = [];
  }

  #read(): void {
    const buffer = Buffer.alloc(65_536);
    for (;;) {
      const bytes = readSync(this.#file, buffer);
      if (bytes === 0) return;
      const parts = (this.#rest + buffer.toString('latin1', 0, bytes)).split('\n');
      this.#rest = parts.pop() ?? '';
      this.#lines.push(...parts);
    }
  }
}
