// Loaded into a proxy on Node.js with `--import`, into each of its threads: writes the longest time
// for which the event loop stood still to `pauses-THREAD.json` in the working folder. Where that
// file is deleted, recording begins anew.

import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { threadId } from 'node:worker_threads';

/** What a thread stood still for, in milliseconds. */
export interface Pauses {
  readonly longestPauseMs: number;
  readonly longestCollectionMs: number;
}

const resolutionMs = 2;
const file = `pauses-${threadId}.json`;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });
let longestCollectionMs = 0;
let written = false;

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    longestCollectionMs = Math.max(longestCollectionMs, duration);
  }
}).observe({ entryTypes: ['gc'] });

function record(): void {
  if (written && !existsSync(file)) {
    delay.reset();
    longestCollectionMs = 0;
  }
  const longestPauseMs = Math.max(0, delay.max / 1e6 - resolutionMs);
  const pauses: Pauses = { longestPauseMs, longestCollectionMs };
  // Written aside and renamed, so that whoever reads it finds it whole.
  writeFileSync(`${file}.new`, JSON.stringify(pauses));
  renameSync(`${file}.new`, file);
  written = true;
}

delay.enable();
setInterval(record, 100).unref();
