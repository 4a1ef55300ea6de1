// What many requests leave behind: the resident set after N million of them as a multiple of that
// after the first 100,000. One round, since the requests are what takes the time.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, loadOn, start } from '../contest.ts';
import type { Contender } from '../contest.ts';
import { generate } from '../generators/load.ts';
import type { Peer } from '../peers/peer.ts';
import { treeUsage } from '../process-tree.ts';
import { addRound, emptyOutcome } from '../work.ts';
import type { Ground, Outcome, Work } from '../work.ts';
import { alike, tlsSmall } from '../workloads.ts';

const firstRequests = 100_000;
const settleMs = 2_000;

export const memory: Work = {
  name: 'memory',
  help: 'RSS after N million requests (--millions) as a multiple of that after 100,000; TLS',
  unit: 'x RSS at 100,000',
  better: 'less',
  peers: alike,
  async measure(peers, ground) {
    const outcomes: Outcome[] = [];
    for (const peer of peers) outcomes.push(await measureOne(peer, ground));
    return outcomes;
  },
};

async function measureOne(peer: Peer, ground: Ground): Promise<Outcome> {
  const outcome = emptyOutcome(peer.name);
  try {
    const workload = { ...tlsSmall, name: 'memory' };
    const contender = await start({ workload, ground }, peer, outcome);
    try {
      const atFirst = await loadUntil(contender, firstRequests, ground.times.seconds);
      const firstRss = await settledRss(contender);
      const wanted = ground.times.millions * 1e6 - atFirst;
      const more = await loadUntil(contender, wanted, ground.times.seconds);
      const lastRss = await settledRss(contender);
      addRound(outcome, lastRss / firstRss, {
        'RSS at first MB': firstRss / 1024,
        'RSS at the end MB': lastRss / 1024,
        'million requests': (atFirst + more) / 1e6,
      });
    } finally {
      await contender.running.stop();
    }
  } catch (error) {
    outcome.failure = describe(error);
  }
  return outcome;
}

async function settledRss({ running }: Contender): Promise<number> {
  await sleep(settleMs);
  return treeUsage(running.pid).rssKb;
}

async function loadUntil(contender: Contender, wanted: number, seconds: number): Promise<number> {
  let requests = 0;
  while (requests < wanted) {
    const load = await generate(loadOn(contender, seconds));
    contender.outcome.errors += load.errors;
    if (load.requests === 0) throw new Error('answers no request under load');
    requests += load.requests;
  }
  return requests;
}
