// What a run has found, as text.

import type { ChaosResult } from './run.ts';

const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function table(rows: Readonly<Record<string, Readonly<Record<string, number>>>>): string[] {
  return Object.entries(rows).flatMap(([name, row]) => [
    `${name}:`,
    ...Object.entries(row)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([what, count]) => `  ${String(count).padStart(8)} ${what}`),
  ]);
}

/** A summary for people. */
export function report(result: ChaosResult): string {
  const { before, after, failures, rows, faults, bytes } = result;
  return [
    ...table(rows),
    ...table({ faults }),
    `${inMegabytes(bytes)} of answers compared byte by byte`,
    `when quiet, after the warm-up and at the end:`,
    `  rss   ${inMegabytes(before.rss)} ${inMegabytes(after.rss)}`,
    `  heap  ${inMegabytes(before.heap)} ${inMegabytes(after.heap)} (all threads, with buffers)`,
    `  files ${before.files} ${after.files}, handles ${before.handles} ${after.handles}`,
    ...failures.map((failure) => `FAILED: ${failure}`),
    failures.length === 0 ? 'all is well' : '',
  ].join('\n');
}
