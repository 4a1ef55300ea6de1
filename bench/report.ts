// The table: medians over the rounds, and each proxy's CPU time as a multiple of the first one's.

import type { Result } from './measure.ts';
import type { Workload } from './workloads.ts';

/** What a result comes down to. */
export interface Summary {
  readonly workload: string;
  readonly proxy: string;
  readonly cpuUsPerRequest: number;
  /** CPU time as a multiple of the first proxy's in the same run; null without it. */
  readonly ratio: number | null;
  readonly requestsPerSecond: number;
  readonly peakRssMb: number;
  readonly errors: number;
  readonly failure: string | null;
}

/** Reduces the results of one workload. */
export function summarise(results: readonly Result[]): Summary[] {
  const first = results[0];
  const reference = first === undefined || first.failure !== null ? null : cpuPerRequest(first);
  return results.map((result) => {
    const cpuUsPerRequest = cpuPerRequest(result);
    const { workload, proxy, samples, failure } = result;
    return {
      workload,
      proxy,
      cpuUsPerRequest,
      ratio: reference === null || failure !== null ? null : cpuUsPerRequest / reference,
      requestsPerSecond: median(samples.map(({ requests, seconds }) => requests / seconds)),
      peakRssMb: result.peakRssKb / 1024,
      errors: samples.reduce((sum, sample) => sum + sample.errors, 0),
      failure,
    };
  });
}

/** The table of one workload as text. */
export function formatTable(workload: Workload, summaries: readonly Summary[]): string {
  const reference = summaries[0]?.proxy ?? '';
  const heading = ['', 'CPU µs/request', `x ${reference}`, 'requests/s', 'peak RSS MB', 'errors'];
  const rows = summaries.map((summary) => {
    if (summary.failure !== null) return [summary.proxy, `FAILED: ${summary.failure}`];
    return [
      summary.proxy,
      summary.cpuUsPerRequest.toFixed(1),
      summary.ratio === null ? '-' : summary.ratio.toFixed(2),
      summary.requestsPerSecond.toFixed(0),
      summary.peakRssMb.toFixed(1),
      summary.errors === 0 ? '0' : `${summary.errors} !!`,
    ];
  });
  const lines = [heading, ...rows].map((cells) => formatRow(cells));
  return `${workload.name}: ${workload.help}\n${lines.join('\n')}\n`;
}

/** True where any number cannot be trusted. */
export function hasErrors(summaries: readonly Summary[]): boolean {
  return summaries.some(({ errors, failure }) => errors > 0 || failure !== null);
}

function formatRow([first = '', ...cells]: readonly string[]): string {
  return `  ${first.padEnd(12)}${cells.map((cell) => cell.padStart(16)).join('')}`;
}

function cpuPerRequest({ samples }: Result): number {
  return median(samples.map(({ cpuUs, requests }) => cpuUs / requests));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
