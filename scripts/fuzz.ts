// `npm run test:fuzz -- [TARGET|all] [SECONDS] [SEED]`: coverage-guided fuzzing of whatever reads
// untrusted bytes; by default every target, a minute in all. Goes on from `fuzz/corpus/` and writes
// it anew. Ends with 1 where an input broke something, hung, or memory grew.
// `docs/testing.md` says more.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Random } from '../test/kit/random.ts';
import type { Fuzzer } from './fuzz/fuzzer.ts';
import { instrumentSources, type InstrumentedFile } from './fuzz/instrument.ts';
import type { FuzzTarget } from './fuzz/target.ts';
import { startWatch } from './fuzz/watch.ts';

const megabyte = 1_048_576;
/** Of live memory, after the first third of the time: until then code is compiled and caches fill. */
const allowedGrowth = 24 * megabyte;
const longestTurnMs = 5000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

// Sources are instrumented as they are loaded, so nothing of them may be imported before.
const files = instrumentSources();
const { fuzzTargets } = await import('./fuzz/targets/index.ts');
const { Fuzzer: FuzzerClass } = await import('./fuzz/fuzzer.ts');

function liveBytes(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function filesOf(target: FuzzTarget): InstrumentedFile[] {
  return files.filter(({ path }) => target.code.some((place) => path.startsWith(place)));
}

function coverageText(fuzzer: Fuzzer): string {
  let taken = 0;
  let all = 0;
  for (const { first, count } of filesOf(fuzzer.target)) {
    all += count;
    for (let id = first; id < first + count; id += 1) if (fuzzer.coverage.has(id)) taken += 1;
  }
  return `${taken} of ${all} branches`;
}

function chosen(name: string): readonly FuzzTarget[] {
  if (name === 'all') return fuzzTargets;
  const found = fuzzTargets.filter((target) => target.name === name);
  if (found.length > 0) return found;
  throw new Error(
    `no such target: ${name}; there are ${fuzzTargets.map((one) => one.name).join(', ')}`,
  );
}

function report(fuzzers: readonly Fuzzer[]): void {
  for (const fuzzer of fuzzers) {
    const { executions, entries, corpusBytes, mostWork, crashes } = fuzzer.report;
    console.log(
      `${fuzzer.target.name.padEnd(16)} ${String(executions).padStart(10)} executions, ` +
        `${coverageText(fuzzer)}, corpus ${entries} (${corpusBytes} bytes), ` +
        `most work ${mostWork}, ${crashes} crashes`,
    );
  }
}

const [targetName = 'all', seconds = '60', seedText] = process.argv.slice(2);
const seed = Number(seedText ?? Date.now() % 1e9);
const targets = chosen(targetName);
const beforeRun = startWatch(targets.map(({ name }) => name));
const fuzzers = targets.map((target) => {
  const literals = filesOf(target).flatMap((file) => file.literals);
  return new FuzzerClass(target, new Random(seed), literals, beforeRun);
});

const end = performance.now() + Number(seconds) * 1000;
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));
const turnMs = Math.min(longestTurnMs, (Number(seconds) * 1000) / targets.length);
const startRss = process.memoryUsage.rss();
console.log(`seed ${seed}, RSS at the start ${Math.round(startRss / megabyte)} MB`);
const begun = performance.now();
let warmLive: number | null = null;
let rounds = 0;
while (!stopped && performance.now() < end) {
  for (const fuzzer of fuzzers) {
    if (stopped) break;
    fuzzer.run(Math.min(end, performance.now() + turnMs));
    // Signals are taken here.
    await new Promise((resolve) => setImmediate(resolve));
  }
  rounds += 1;
  if (performance.now() - begun > (end - begun) / 3) warmLive ??= liveBytes() - corpusSize();
  if (rounds % 8 === 0) {
    report(fuzzers);
    console.log(`live memory ${Math.round((liveBytes() - corpusSize()) / megabyte)} MB`);
  }
}

function corpusSize(): number {
  return fuzzers.reduce((sum, { report: one }) => sum + one.corpusBytes + one.entries * 400, 0);
}

const live = liveBytes() - corpusSize();
const growth = live - (warmLive ?? live);
report(fuzzers);
for (const fuzzer of fuzzers) fuzzer.save();
const crashes = fuzzers.reduce((sum, fuzzer) => sum + fuzzer.report.crashes, 0);
const executions = fuzzers.reduce((sum, fuzzer) => sum + fuzzer.report.executions, 0);
console.log(
  `${executions} executions in ${rounds} rounds, ${crashes} crashes; RSS at the end ` +
    `${Math.round(process.memoryUsage.rss() / megabyte)} MB, ` +
    `live memory grew by ${(growth / megabyte).toFixed(1)} MB`,
);
if (growth > allowedGrowth) console.log('memory grew');
process.exitCode = crashes > 0 || growth > allowedGrowth ? 1 : 0;
