// What paired rounds of two versions say: a ratio, how sure it is, and one sentence. Pure.

import { formatValue } from '../report/numbers.ts';
import { estimateRatio, median, roundRatios } from '../statistics.ts';
import type { RatioEstimate } from '../statistics.ts';

/** The rounds of one start of both versions: CPU µs per request, in pairs. */
export interface Block {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly errors: number;
}

export interface Comparison extends RatioEstimate {
  /** Medians over all rounds. */
  readonly a: number;
  readonly b: number;
  readonly errors: number;
  /** Null where the interval has 1 in it. */
  readonly changed: 'cheaper' | 'dearer' | null;
}

/** B as a multiple of A. */
export function compareBlocks(blocks: readonly Block[]): Comparison {
  const estimate = estimateRatio(blocks.map(({ a, b }) => roundRatios(b, a)));
  return {
    ...estimate,
    a: median(blocks.flatMap(({ a }) => a)),
    b: median(blocks.flatMap(({ b }) => b)),
    errors: blocks.reduce((sum, { errors }) => sum + errors, 0),
    changed: estimate.high < 1 ? 'cheaper' : estimate.low > 1 ? 'dearer' : null,
  };
}

/** The comparison as lines for the terminal. */
export function formatComparison(work: string, comparison: Comparison): string {
  const { a, b, ratio, low, high, errors } = comparison;
  const lines = [
    `${work}: A ${formatValue(a)} µs, B ${formatValue(b)} µs of CPU per request`,
    `  B / A = ${ratio.toFixed(3)}, 95 % between ${low.toFixed(3)} and ${high.toFixed(3)}`,
    `  ${sentence(comparison)}`,
  ];
  if (errors > 0) lines.push(`  ${errors} ERRORS: these numbers mean nothing`);
  return `${lines.join('\n')}\n`;
}

function sentence({ changed, ratio, low, high }: Comparison): string {
  const percent = Math.abs(ratio - 1) * 100;
  if (changed !== null) return `B is ${percent.toFixed(1)} % ${changed}`;
  const smallest = Math.max(high - 1, 1 - low) * 100;
  return `no difference seen; one of ${smallest.toFixed(1)} % and more would have been`;
}
