// How fast something grows, from samples with noise that is anything but normal: the median of the
// slopes between all pairs of samples (Theil-Sen), which a third of wild samples does not move, and
// the range in which the true slope lies with a probability of 95 % (Sen, by Kendall's statistic).

/** A value at a time. */
export interface Point {
  /** In hours. */
  readonly at: number;
  readonly value: number;
}

/** In units of the value per hour. */
export interface Slope {
  readonly perHour: number;
  readonly low: number;
  readonly high: number;
}

/** The two-sided 95 % quantile of the normal distribution. */
const quantile = 1.96;

function at(sorted: readonly number[], index: number): number {
  return sorted[Math.min(Math.max(index, 0), sorted.length - 1)] ?? 0;
}

/** @param points - at least three, each at another time */
export function slopeOf(points: readonly Point[]): Slope {
  const slopes: number[] = [];
  for (const [i, one] of points.entries()) {
    for (const other of points.slice(i + 1)) {
      slopes.push((other.value - one.value) / (other.at - one.at));
    }
  }
  slopes.sort((a, b) => a - b);
  const n = points.length;
  const spread = quantile * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const middle = (slopes.length - 1) / 2;
  return {
    perHour: (at(slopes, Math.floor(middle)) + at(slopes, Math.ceil(middle))) / 2,
    low: at(slopes, Math.floor((slopes.length - spread) / 2)),
    high: at(slopes, Math.ceil((slopes.length + spread) / 2)),
  };
}
