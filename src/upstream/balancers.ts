// Every way of balancing, in one list.

import type { BalancerRow } from './balancer.ts';
import { hash } from './hash.ts';
import { ipHash } from './ip-hash.ts';
import { leastConn } from './least-conn.ts';
import { leastTime } from './least-time.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';

/** The first row is what a group does that names no other. */
export const balancerRows: readonly BalancerRow[] = [
  roundRobin,
  leastConn,
  ipHash,
  hash,
  random,
  leastTime,
];
