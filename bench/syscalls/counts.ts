// The summary of `strace -c`, and a table of several side by side. Pure.

import { formatValue } from '../report/numbers.ts';
import { alignColumns } from '../report/text.ts';
import type { Outcome } from '../work.ts';

/** Calls by name. */
export function parseCounts(summary: string): Map<string, number> {
  const counts = new Map<string, number>();
  // "% time  seconds  usecs/call  calls  errors  syscall", errors only where there are any.
  for (const line of summary.split('\n')) {
    const found = /^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/.exec(line);
    const name = found?.[2];
    if (name !== undefined && name !== 'total') counts.set(name, Number(found?.[1]));
  }
  return counts;
}

/** Calls that are fewer than this for a request are put together. */
const rare = 0.005;

/** A line for each system call, a column for each proxy. */
export function formatCounts(work: string, outcomes: readonly Outcome[]): string {
  const sound = outcomes.filter(({ failure }) => failure === null);
  const names = [...new Set(sound.flatMap(({ details }) => Object.keys(details)))];
  const of = (outcome: Outcome, name: string): number => outcome.details[name]?.[0] ?? 0;
  const most = (name: string): number => Math.max(...sound.map((outcome) => of(outcome, name)));
  const common = names.filter((name) => most(name) >= rare).sort((a, b) => most(b) - most(a));
  const rest = (outcome: Outcome): number =>
    names.reduce((sum, name) => sum + (most(name) < rare ? of(outcome, name) : 0), 0);
  const lines = [
    ['calls per request', ...sound.map(({ proxy }) => proxy)],
    ...common.map((name) => [name, ...sound.map((outcome) => formatValue(of(outcome, name)))]),
    ['others', ...sound.map((outcome) => formatValue(rest(outcome)))],
    ['all', ...sound.map(({ values }) => formatValue(values[0]))],
  ];
  const failures = outcomes.flatMap(({ proxy, failure }) =>
    failure === null ? [] : [`  ${proxy} FAILED: ${failure}`],
  );
  return `${[`${work}:`, alignColumns(lines), ...failures].join('\n')}\n`;
}
