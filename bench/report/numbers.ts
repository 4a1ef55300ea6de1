// Numbers as people read them: three digits that mean something. Pure.

import type { Spread } from '../statistics.ts';

/** A measured value; "-" where there is none. */
export function formatValue(value: number | undefined | null): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(size >= 0.1 || size === 0 ? 2 : 3);
}

/** "1.52 (1.48 to 1.60)"; the value alone where there was one round. */
export function formatWithSpread(value: number | null, range: Spread | null): string {
  if (value === null || range === null || range.low === range.high) return formatValue(value);
  return `${formatValue(value)} (${formatValue(range.low)} to ${formatValue(range.high)})`;
}
