// What outcomes come down to: medians, ratios to the first proxy, targets met or missed. Pure.

import { median, roundRatios, spread } from '../statistics.ts';
import type { Spread } from '../statistics.ts';
import type { Target } from '../targets.ts';
import type { Outcome, Work } from '../work.ts';

/** One proxy on one work. */
export interface Row {
  readonly proxy: string;
  /** Median over the rounds, in the work's unit. */
  readonly value: number;
  readonly values: Spread;
  /** As a multiple of the first proxy's median; null for itself and without it. */
  readonly ratio: number | null;
  /** Smallest and largest ratio of one round. */
  readonly ratios: Spread | null;
  /** Medians of the further numbers. */
  readonly details: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly failure: string | null;
}

/** A target and what became of it. */
export interface Verdict {
  /** "at most 0.25 x caddy". */
  readonly text: string;
  /** The number that is compared; NaN where it was not measured. */
  readonly reached: number;
  /** Null where it was not measured. */
  readonly met: boolean | null;
}

export interface Summary {
  readonly work: string;
  readonly help: string;
  readonly unit: string;
  readonly better: 'less' | 'more';
  readonly rows: readonly Row[];
  readonly verdicts: readonly Verdict[];
}

/** Reduces the outcomes of one work; the first one is what the others are compared with. */
export function summarise(
  work: Pick<Work, 'name' | 'help' | 'unit' | 'better'>,
  outcomes: readonly Outcome[],
  targets: readonly Target[],
): Summary {
  const { name, help, unit, better } = work;
  const own = targets.filter((target) => target.work === name);
  const [reference] = outcomes;
  return {
    work: name,
    help,
    unit,
    better,
    rows: outcomes.map((outcome) => rowOf(outcome, reference)),
    verdicts: own.map((target) => judge(target, outcomes, unit)),
  };
}

function rowOf(outcome: Outcome, reference: Outcome | undefined): Row {
  const { proxy, values, errors, failure } = outcome;
  const hasRatio = reference !== undefined && reference !== outcome && isSound(reference);
  const ratios = hasRatio ? roundRatios(values, reference.values) : [];
  const details: Record<string, number> = {};
  for (const [name, numbers] of Object.entries(outcome.details)) details[name] = median(numbers);
  return {
    proxy,
    value: median(values),
    values: spread(values),
    ratio: ratios.length === 0 ? null : median(values) / median(reference?.values ?? []),
    ratios: ratios.length === 0 ? null : spread(ratios),
    details,
    errors,
    failure,
  };
}

function isSound({ errors, failure, values }: Outcome): boolean {
  return errors === 0 && failure === null && values.length > 0;
}

function judge(target: Target, outcomes: readonly Outcome[], unit: string): Verdict {
  const { against, atMost, atLeast } = target;
  const soundValue = (proxy: string): number => {
    const outcome = outcomes.find((candidate) => candidate.proxy === proxy);
    return outcome === undefined || !isSound(outcome) ? NaN : median(outcome.values);
  };
  const own = soundValue('sallyport');
  const reached = against === null ? own : own / soundValue(against);
  const limit = atMost ?? atLeast ?? NaN;
  const of = against === null ? unit : `x ${against}`;
  return {
    text: `${atMost === undefined ? 'at least' : 'at most'} ${limit} ${of}`,
    reached,
    met: Number.isNaN(reached) ? null : atMost === undefined ? reached >= limit : reached <= limit,
  };
}

/** True where any number cannot be trusted. */
export function hasErrors(summaries: readonly Summary[]): boolean {
  return summaries.some(({ rows }) =>
    rows.some(({ errors, failure }) => errors > 0 || failure !== null),
  );
}
