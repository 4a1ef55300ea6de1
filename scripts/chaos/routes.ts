// The ways through the proxy, and what may go wrong on each: where none of that has happened, an
// answer that is not right is a failure of the proxy.

import type { FaultKind } from './faults.ts';

/** calm: a server to which nothing is done. group: four, three of which come and go. named: looked
 * up for each request. short: its certificate runs out again and again. */
export const routes = ['calm', 'group', 'named', 'short'] as const;
export type Route = (typeof routes)[number];

/** What a request may meet that was answered by an error of the proxy's own. */
export const answered: Readonly<Record<Route, readonly FaultKind[]>> = {
  calm: ['stall'],
  group: ['upstream', 'stall'],
  named: ['resolver', 'stall'],
  short: ['expired', 'stall'],
};

/** What a request may meet that was cut in the middle of its answer. */
export const cut: Readonly<Record<Route, readonly FaultKind[]>> = {
  calm: ['worker', 'stall'],
  group: ['worker', 'upstream', 'stall'],
  named: ['worker', 'stall'],
  short: ['worker', 'stall'],
};

/** What a request may meet whose connection was refused, or closed before any answer. */
export const closed: readonly FaultKind[] = ['worker', 'listener'];
