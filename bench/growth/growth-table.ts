// The table of one kind of growth: a line a proxy, a column a count. Pure.

import { formatValue } from '../report/numbers.ts';
import { alignColumns } from '../report/text.ts';
import { median } from '../statistics.ts';
import type { Outcome } from '../work.ts';
import type { GrowthKind } from './kinds.ts';

export interface GrowthStep {
  readonly count: number;
  readonly outcomes: readonly Outcome[];
}

/** CPU µs per request for each count, and the last as a multiple of the first. */
export function formatGrowth(
  kind: Pick<GrowthKind, 'name' | 'help'>,
  steps: readonly GrowthStep[],
): string {
  const proxies = steps[0]?.outcomes.map(({ proxy }) => proxy) ?? [];
  const heading = [
    'µs of CPU per request',
    ...steps.map(({ count }) => count.toLocaleString('en')),
    'last / first',
  ];
  const lines = proxies.map((proxy) => {
    const values = steps.map((step) => valueOf(step, proxy));
    return [
      proxy,
      ...values.map(formatValue),
      formatValue((values.at(-1) ?? NaN) / (values[0] ?? NaN)),
    ];
  });
  const failures = steps.flatMap(({ count, outcomes }) =>
    outcomes.flatMap(({ proxy, failure, errors }) => {
      if (failure !== null) return [`  ${proxy} with ${count} FAILED: ${failure}`];
      return errors > 0 ? [`  ${proxy} with ${count}: ${errors} ERRORS`] : [];
    }),
  );
  return `${[`${kind.name}: ${kind.help}`, alignColumns([heading, ...lines]), ...failures].join('\n')}\n`;
}

function valueOf({ outcomes }: GrowthStep, proxy: string): number {
  return median(outcomes.find((outcome) => outcome.proxy === proxy)?.values ?? []);
}
