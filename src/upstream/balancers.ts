// Every way of balancing, in one list.

import type { BalancerRow } from './balancer.ts';
import { roundRobin } from './round-robin.ts';

/** The first row is what a group does that names no other. */
export const balancerRows: readonly BalancerRow[] = [roundRobin];
