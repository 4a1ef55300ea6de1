// Memory of an idle TLS connection: resident set before and after many are opened, each of which has
// asked once. Every round starts the proxy anew, since memory that was used once stays.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, loadOn, start } from '../contest.ts';
import { holdIdle } from '../generators/idle.ts';
import { generate } from '../generators/load.ts';
import type { Peer } from '../peers/peer.ts';
import { treeUsage } from '../process-tree.ts';
import { addRound, emptyOutcome } from '../work.ts';
import type { Ground, Outcome, Work } from '../work.ts';
import { alike, tlsSmall } from '../workloads.ts';

const settleMs = 2_000;

export const idleConnections: Work = {
  name: 'idle-tls',
  help: 'memory (RSS) of an idle TLS connection that has been used once',
  unit: 'KB per connection',
  better: 'less',
  peers: [...alike, 'haproxy', 'caddy'],
  async measure(peers, ground) {
    const outcomes = peers.map((peer) => emptyOutcome(peer.name));
    for (let round = 0; round < ground.times.rounds; round += 1) {
      for (const [i, peer] of peers.entries()) {
        const outcome = outcomes[i];
        if (outcome === undefined || outcome.failure !== null) continue;
        await measureOnce(peer, ground, outcome);
      }
    }
    return outcomes;
  },
};

async function measureOnce(peer: Peer, ground: Ground, outcome: Outcome): Promise<void> {
  const workload = { ...tlsSmall, name: 'idle-tls' };
  try {
    const contender = await start({ workload, ground }, peer, outcome);
    const { setup, running } = contender;
    try {
      // Load first: a heap that has not grown to its working size would grow during the measurement.
      await generate(loadOn(contender, ground.times.warmUpSeconds));
      await sleep(settleMs);
      const before = treeUsage(running.pid).rssKb;
      const { caFile } = setup.certificates;
      const target = { port: setup.port, clientTls: true, caFile, path: workload.path };
      const count = ground.times.idleConnections;
      const holder = await holdIdle(target, count);
      await sleep(settleMs);
      const after = treeUsage(running.pid).rssKb;
      await holder.end();
      addRound(outcome, (after - before) / count, {
        connections: count,
        'RSS before MB': before / 1024,
        'RSS after MB': after / 1024,
      });
    } finally {
      await running.stop();
    }
  } catch (error) {
    outcome.failure = describe(error);
  }
}
