// Runs as a thread of its own: computes slow hashes, one after the other, so that the worker that
// asks goes on serving.

import { parentPort } from 'node:worker_threads';
import { passwordHashOf } from './password-hash.ts';

/** What the thread is asked. */
export interface PasswordQuestion {
  readonly password: string;
  readonly stored: string;
}

parentPort?.on('message', ({ password, stored }: PasswordQuestion) => {
  let computed: string | null = null;
  try {
    const kind = passwordHashOf(stored);
    computed = kind?.compute(Buffer.from(password, 'latin1'), stored) ?? null;
  } catch {
    // Malformed: whoever asked says so.
  }
  parentPort?.postMessage(computed);
});
