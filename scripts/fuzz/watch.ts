// A watch in a thread of its own, for what no count of branches ends: an endless loop inside a
// regular expression or a library. It writes the input down and ends the process.

import { writeFileSync, writeSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { crashFile } from './corpus.ts';

const longestInput = 65_536;
/** No run of any target comes near it, on any machine. */
const patienceMs = 60_000;
const word = { run: 0, length: 1, target: 2 } as const;

interface Shared {
  readonly words: Int32Array;
  readonly input: Uint8Array;
  readonly targets: readonly string[];
}

/** @returns to be called before each run */
export function startWatch(targets: readonly string[]): (target: string, input: Buffer) => void {
  const shared: Shared = {
    words: new Int32Array(new SharedArrayBuffer(12)),
    input: new Uint8Array(new SharedArrayBuffer(longestInput)),
    targets,
  };
  new Worker(new URL(import.meta.url), { workerData: shared }).unref();
  return (target, input) => {
    shared.input.set(input.subarray(0, longestInput));
    shared.words[word.length] = input.length;
    shared.words[word.target] = targets.indexOf(target);
    Atomics.add(shared.words, word.run, 1);
  };
}

function watch({ words, input, targets }: Shared): void {
  let seen = -1;
  setInterval(() => {
    const run = Atomics.load(words, word.run);
    if (run !== seen) {
      seen = run;
      return;
    }
    const bytes = Buffer.from(input.slice(0, words[word.length]));
    const target = targets[words[word.target] ?? 0] ?? '';
    const file = crashFile(target, bytes);
    writeFileSync(file, bytes);
    writeSync(2, `${target}: a run does not end\n  input: ${file}\n`);
    process.kill(process.pid, 'SIGKILL');
  }, patienceMs);
}

if (!isMainThread) watch(workerData as Shared);
