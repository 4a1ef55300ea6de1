// What a log says when it cannot be written: one line on stderr, at most once a minute, so that a
// full disk does not turn every request into another line.

import { writeSync } from 'node:fs';

const intervalMs = 60_000;

/** Writes to the standard error stream without ever throwing. */
export function writeToStderr(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nowhere is left to say so.
  }
}

/** A voice that is silent for a minute after each complaint. */
export class Complaint {
  readonly #say: (text: string) => void;
  #silentUntil = -Infinity;

  /** @param say - takes one line with its newline; default: stderr */
  constructor(say: (text: string) => void = writeToStderr) {
    this.#say = say;
  }

  /** @param message - without a newline */
  raise(message: string): void {
    const time = performance.now();
    if (time < this.#silentUntil) return;
    this.#silentUntil = time + intervalMs;
    this.#say(`sallyport: ${message}\n`);
  }
}
