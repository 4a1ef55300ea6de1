// The arithmetic of the bench: medians, spreads, and what a confidence interval leaves open. Pure.

/** The middle value, or the mean of both middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest and the largest of some numbers. */
export interface Spread {
  readonly low: number;
  readonly high: number;
}

/** NaN on both sides where there is nothing. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { low: NaN, high: NaN };
  return { low: Math.min(...values), high: Math.max(...values) };
}

/** The value below which a share of all lies, between neighbours by interpolation. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** Ratios of what was measured in the same round; rounds that one of them lacks are left out. */
export function roundRatios(values: readonly number[], reference: readonly number[]): number[] {
  const rounds = Math.min(values.length, reference.length);
  return Array.from({ length: rounds }, (_, i) => (values[i] ?? NaN) / (reference[i] ?? NaN));
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The geometric mean of ratios and where it lies with 95 % confidence. */
export interface RatioEstimate extends Spread {
  readonly ratio: number;
}

// Student's t for 95 % and 1, 2, … degrees of freedom; what follows is near enough to the last.
const studentT = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16];
const normalT = 1.96;

/**
 * Estimates one ratio from several blocks of paired rounds, by a bootstrap of its logarithm. A block
 * is one start of both programs: what differs from start to start (where code lies in memory, what
 * was compiled when) is larger than what differs from round to round, so blocks are drawn first,
 * then rounds within them. Few blocks know little of how blocks differ, and a bootstrap does not
 * know that it does not know: its interval is widened as Student's t widens that of a mean.
 *
 * @param blocks - the ratios of each block; blocks without any are ignored. One alone says nothing
 *   of other starts: the interval is then that of its rounds
 * @param draws - how often is drawn; default 4000
 */
export function estimateRatio(blocks: readonly (readonly number[])[], draws = 4000): RatioEstimate {
  const sound = blocks.filter((block) => block.length > 0).map((block) => block.map(Math.log));
  const logs = sound.length === 1 ? (sound[0] ?? []).map((log) => [log]) : sound;
  if (logs.length === 0) return { ratio: NaN, low: NaN, high: NaN };
  const random = randomFrom(1);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const estimates = Array.from({ length: draws }, () =>
    mean(
      logs.map(() => {
        const block = pick(logs);
        return mean(block.map(() => pick(block)));
      }),
    ),
  );
  const center = mean(logs.map(mean));
  const widen = (estimate: number): number => center + (estimate - center) * widening(logs.length);
  return {
    ratio: Math.exp(center),
    low: Math.exp(widen(quantile(estimates, 0.025))),
    high: Math.exp(widen(quantile(estimates, 0.975))),
  };
}

function widening(blocks: number): number {
  if (blocks < 2) return 1;
  const t = studentT[blocks - 2] ?? studentT.at(-1) ?? normalT;
  return (t / normalT) * Math.sqrt(blocks / (blocks - 1));
}
