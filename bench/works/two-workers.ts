// What a second worker brings on two cores. The load generator and the upstream take their share of
// the processors, so requests per second say little: the capacity is computed from CPU time. One
// thread can use one core, and all together can use two:
//
//   capacity = min(1 / CPU per request of the busiest thread, 2 / CPU per request of all threads)
//
// With two workers the busiest thread is that of the worker which got more of the connections.

import { compete, loadOn } from '../contest.ts';
import type { Contender } from '../contest.ts';
import { generate } from '../generators/load.ts';
import type { Peer } from '../peers/peer.ts';
import { threadTimes, treeUsage } from '../process-tree.ts';
import { roundRatios } from '../statistics.ts';
import { addRound, emptyOutcome } from '../work.ts';
import type { Ground, Outcome, Work } from '../work.ts';
import { alike, plainSmall } from '../workloads.ts';

const cores = 2;
const counts = [1, 2] as const;
// Each connection stays with the worker that got it: with many the shares are about equal.
const workload = { ...plainSmall, name: 'two-workers', connections: 256 };

export const twoWorkers: Work = {
  name: 'two-workers',
  help: 'capacity of two workers on two cores as a multiple of that of one; plain, 256 connections',
  unit: 'x one worker',
  better: 'more',
  peers: alike,
  async measure(peers, ground) {
    const pairs = peers.flatMap((peer) => counts.map((count) => withWorkers(peer, count)));
    const turn = (contender: Contender): Promise<void> => takeTurn(contender, ground);
    const outcomes = await compete({ workload, peers: pairs, ground, turn });
    return peers.map((peer, i) => {
      const [one, two] = outcomes.slice(i * counts.length);
      return combine(peer.name, one, two);
    });
  },
};

function withWorkers(peer: Peer, workers: number): Peer {
  return {
    name: `${peer.name}-${workers}`,
    unavailable: () => peer.unavailable(),
    start: (setup) => peer.start({ ...setup, workers }),
  };
}

async function takeTurn(contender: Contender, ground: Ground): Promise<void> {
  const { running, outcome } = contender;
  const before = treeUsage(running.pid);
  const load = await generate(loadOn(contender, ground.times.seconds));
  const times = threadTimes(before, treeUsage(running.pid));
  outcome.errors += load.errors;
  const all = times.reduce((sum, time) => sum + time, 0);
  const [busiest = 0] = times;
  addRound(outcome, capacity(busiest, all, load.requests), {
    'µs per request': all / load.requests,
    'busiest thread %': (busiest / all) * 100,
  });
}

/** Requests per second that two cores can serve, out of CPU times in microseconds. */
export function capacity(busiestUs: number, allUs: number, requests: number): number {
  return 1e6 * Math.min(requests / busiestUs, (cores * requests) / allUs);
}

function combine(name: string, one: Outcome | undefined, two: Outcome | undefined): Outcome {
  const outcome = emptyOutcome(name);
  if (one === undefined || two === undefined) return outcome;
  outcome.failure = one.failure ?? two.failure;
  outcome.errors = one.errors + two.errors;
  const ratios = outcome.failure === null ? roundRatios(two.values, one.values) : [];
  for (const [round, ratio] of ratios.entries()) {
    addRound(outcome, ratio, {
      'one: capacity/s': one.values[round] ?? NaN,
      'two: capacity/s': two.values[round] ?? NaN,
      'one: µs per request': one.details['µs per request']?.[round] ?? NaN,
      'two: µs per request': two.details['µs per request']?.[round] ?? NaN,
      'two: busiest thread %': two.details['busiest thread %']?.[round] ?? NaN,
    });
  }
  return outcome;
}
