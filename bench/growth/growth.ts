// How the cost of a request grows: with 1, 100 and 10,000 of what may stand in a configuration, with
// idle connections, and with the number of connections that are busy. For nginx as well: what is
// dear for both is dear by its nature.

import { compete } from '../contest.ts';
import type { Contender } from '../contest.ts';
import { holdIdle } from '../generators/idle.ts';
import { machineFacts, machineLine } from '../machine.ts';
import { select } from '../options.ts';
import type { BenchOptions } from '../options.ts';
import type { Helper } from '../processes.ts';
import type { Peer } from '../peers/peer.ts';
import { availablePeers, onGround, writeJson } from '../session.ts';
import type { Ground, Outcome } from '../work.ts';
import { alike } from '../workloads.ts';
import { loadTurn } from '../works/load.ts';
import { growthKinds, stepWorkload } from './kinds.ts';
import type { GrowthKind } from './kinds.ts';
import { formatGrowth } from './growth-table.ts';
import type { GrowthStep } from './growth-table.ts';

export async function growth(options: BenchOptions): Promise<number> {
  const machine = machineFacts();
  console.log(`${machineLine(machine)}\n`);
  const chosen =
    options.names.length === 0 ? growthKinds : select('kind', growthKinds, options.names);
  const peers = availablePeers(options, alike);
  return onGround(options, async (ground) => {
    const found: Record<string, readonly GrowthStep[]> = {};
    let hasFailed = false;
    for (const kind of chosen) {
      const steps: GrowthStep[] = [];
      for (const count of kind.counts) {
        steps.push({ count, outcomes: await measureStep(kind, count, peers, ground) });
      }
      found[kind.name] = steps;
      console.log(formatGrowth(kind, steps));
      hasFailed ||= steps.some(({ outcomes }) =>
        outcomes.some(({ failure, errors }) => failure !== null || errors > 0),
      );
      writeJson(options, { machine, growth: found });
    }
    return hasFailed ? 1 : 0;
  });
}

async function measureStep(
  kind: GrowthKind,
  count: number,
  peers: readonly Peer[],
  ground: Ground,
): Promise<Outcome[]> {
  const workload = stepWorkload(kind, count);
  const holders: Helper[] = [];
  const turn = async (contender: Contender, round: number): Promise<void> => {
    if (kind.idle && round === 0) holders.push(await hold(contender, count));
    await loadTurn(contender, ground.times.seconds);
  };
  try {
    return await compete({ workload, peers, ground, turn });
  } finally {
    for (const holder of holders) await holder.end();
  }
}

function hold({ setup, workload }: Contender, count: number): Promise<Helper> {
  const { port, clientTls, certificates } = setup;
  const target = { port, clientTls, caFile: certificates.caFile, path: workload.path };
  return holdIdle(target, count);
}
