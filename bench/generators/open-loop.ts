// Requests at a constant rate, by a program of its own: see `open-loop-program.ts`.

import { join } from 'node:path';
import { run } from '../processes.ts';
import type { Target } from './target.ts';

export interface OpenLoopOrder extends Target {
  readonly connections: number;
  /** Requests per second over all connections; 0: as many as are answered. */
  readonly rate: number;
  readonly seconds: number;
}

/** Times in milliseconds, from when a request was due to the last byte of its answer. */
export interface OpenLoopResult {
  readonly requests: number;
  /** Due in time, but not answered by the end. They are in the percentiles with what they waited. */
  readonly unanswered: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** How late the generator itself was with what it could have sent at once: its own share. */
  readonly lag99: number;
}

const program = join(import.meta.dirname, 'open-loop-program.ts');

/** Runs it to its end. */
export async function openLoop(order: OpenLoopOrder): Promise<OpenLoopResult> {
  // Collections of its own would be measured as the proxy's latency: they are made rare.
  const args = ['--max-semi-space-size=128', '--min-semi-space-size=64', program];
  return JSON.parse(
    await run(process.execPath, [...args, JSON.stringify(order)]),
  ) as OpenLoopResult;
}
