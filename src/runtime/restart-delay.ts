// How long a worker that died waits for its successor: nothing the first time, then longer and
// longer, so that a worker which cannot live does not take a processor for itself.

const longest = 30_000;

/** A worker that lived this long counts as healthy: its next death is again a first one. */
export const healthyAfterMs = 60_000;

/**
 * @param deaths - how often in a row it has died, from 1
 * @returns milliseconds: 0, 1000, 2000, 4000, … up to 30000
 */
export function restartDelay(deaths: number): number {
  return deaths <= 1 ? 0 : Math.min(longest, 1000 * 2 ** Math.min(deaths - 2, 16));
}
