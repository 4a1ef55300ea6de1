// The clock of the micro-benchmarks: nanoseconds a call.

const calls = 200_000;
const rounds = 12;

/**
 * Calls a function very often and prints the best of several rounds, since other processes only ever
 * make a round longer.
 *
 * @param run - what is measured; what it returns is added up, so that it cannot be optimised away
 */
export function measure(name: string, run: () => number): void {
  let sum = 0;
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const from = process.hrtime.bigint();
    for (let i = 0; i < calls; i += 1) sum += run();
    best = Math.min(best, Number(process.hrtime.bigint() - from) / calls);
  }
  const time = best >= 100 ? best.toFixed(0) : best.toFixed(1);
  console.log(`${time.padStart(7)} ns  ${name}${sum === 0 ? ' (did nothing)' : ''}`);
}
