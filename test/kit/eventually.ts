// For what happens behind the back of a test: a log line that is written in batches, a connection
// that closes a moment later. Asks again and again instead of sleeping for a fixed time.

import { setTimeout as sleep } from 'node:timers/promises';

type Answer<T> = T | false | null | undefined;

/**
 * The first result of `ask` that is not false, null or undefined.
 *
 * @param what - for the error: what did not come
 * @param limitMs - milliseconds after which it fails, default 5000
 */
export async function eventually<T>(
  what: string,
  ask: () => Answer<T> | Promise<Answer<T>>,
  limitMs = 5000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const result = await ask();
    if (result !== false && result !== null && result !== undefined) return result;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${limitMs} ms`);
    await sleep(10);
  }
}

/** The lines of a log once there are at least `count` of them. */
export function lines(log: () => string, count: number): Promise<string[]> {
  return eventually(`line ${count} of the log`, () => {
    const found = log()
      .split('\n')
      .filter((line) => line !== '');
    return found.length >= count ? found : null;
  });
}
