// CPU time for a request under full load: the measure of most rows. It does not depend on what load
// generator and upstream take of the processors, which requests per second do.

import { compete, loadOn } from '../contest.ts';
import type { Contender } from '../contest.ts';
import { generate } from '../generators/load.ts';
import type { Peer } from '../peers/peer.ts';
import { cpuBetween, treeUsage } from '../process-tree.ts';
import { addRound } from '../work.ts';
import type { Ground, Outcome, Work } from '../work.ts';
import type { Workload } from '../workloads.ts';

/** A work out of a workload. */
export function loadWork(workload: Workload): Work {
  const { name, help, peers } = workload;
  return {
    name,
    help,
    peers,
    unit: 'µs of CPU per request',
    better: 'less',
    measure: (contenders, ground) => measureLoad(workload, contenders, ground),
  };
}

/** Measures a workload; `turn` is exported for the comparison of two versions. */
export function measureLoad(
  workload: Workload,
  peers: readonly Peer[],
  ground: Ground,
): Promise<Outcome[]> {
  const turn = (contender: Contender): Promise<void> => loadTurn(contender, ground.times.seconds);
  return compete({ workload, peers, ground, turn });
}

/** One round of load on one proxy. */
export async function loadTurn(contender: Contender, seconds: number): Promise<void> {
  const { running, outcome } = contender;
  const before = treeUsage(running.pid);
  const load = await generate(loadOn(contender, seconds));
  const after = treeUsage(running.pid);
  outcome.errors += load.errors;
  if (load.requests === 0) throw new Error('answered nothing in a round');
  addRound(outcome, cpuBetween(before, after) / load.requests, {
    'requests/s': load.requests / load.seconds,
    'user µs': (after.userUs - before.userUs) / load.requests,
    'system µs': (after.systemUs - before.systemUs) / load.requests,
    'peak RSS MB': after.peakRssKb / 1024,
  });
}
