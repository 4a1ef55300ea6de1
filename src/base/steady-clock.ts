// A clock that never goes back and is the same in all threads: for what threads measure together.

// `performance.now()` counts from the start of its thread; the system's steady clock from one moment
// for all. Both run alike, so the distance is found once.
const [seconds, nanoseconds] = process.hrtime();
const distance = seconds * 1000 + nanoseconds / 1e6 - performance.now();

/** Whole milliseconds from some moment in the past, the same one in all threads of the process. */
export function steadyNow(): number {
  return Math.floor(performance.now() + distance);
}
