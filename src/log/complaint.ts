// What a log says when it cannot be written: one line, at most once a minute, so that a full disk
// does not turn every request into another line.

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

/** Takes one message, without a newline. */
export type Say = (message: string) => void;

/** The way out where no error log can be written: the standard error. */
export const sayOnStderr: Say = (message) => writeToStderr(`sallyport: ${message}\n`);

/** A voice that is silent for a minute after each complaint. */
export class Complaint {
  readonly #say: Say;
  #silentUntil = -Infinity;

  /** @param say - default: stderr */
  constructor(say: Say = sayOnStderr) {
    this.#say = say;
  }

  /** @param message - without a newline */
  raise(message: string): void {
    const time = performance.now();
    if (time < this.#silentUntil) return;
    // Before it is said: a log that complains into itself must not do so for ever.
    this.#silentUntil = time + intervalMs;
    this.#say(message);
  }
}
