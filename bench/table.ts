// The result table: each work on the proxies that it is worth measuring on, one after the other.

import { describe } from './contest.ts';
import { machineFacts, machineLine } from './machine.ts';
import { select } from './options.ts';
import type { BenchOptions } from './options.ts';
import type { Peer } from './peers/peer.ts';
import { hasErrors, summarise } from './report/summary.ts';
import type { Summary } from './report/summary.ts';
import { formatSummary, formatVerdicts } from './report/text.ts';
import { writeDocs } from './report/write-docs.ts';
import { availablePeers, onGround, writeJson } from './session.ts';
import { targets } from './targets.ts';
import { emptyOutcome } from './work.ts';
import type { Ground, Outcome, Work } from './work.ts';
import { works } from './works/index.ts';

/** Measures and reports; 1 where anything failed, so that the numbers cannot be trusted. */
export async function table(options: BenchOptions): Promise<number> {
  const machine = machineFacts();
  const { rounds, seconds } = options.times;
  console.log(`${machineLine(machine)}\n${rounds} rounds of ${seconds} s, medians\n`);
  return onGround(options, async (ground) => {
    const chosen = options.names.length === 0 ? works : select('work', works, options.names);
    const summaries: Summary[] = [];
    const outcomes: Record<string, unknown> = {};
    for (const work of chosen) {
      const measured = await measureOrFail(work, availablePeers(options, work.peers), ground);
      const summary = summarise(work, measured, targets);
      outcomes[work.name] = measured;
      summaries.push(summary);
      console.log(formatSummary(summary));
      // After each work: a run of an hour that is interrupted still leaves something.
      writeJson(options, { machine, summaries, outcomes });
    }
    console.log(formatVerdicts(summaries));
    if (options.writeDocs) {
      const how = `One run, ${rounds} rounds of ${seconds} s each, medians.`;
      for (const file of await writeDocs(summaries, machine, how)) console.log(`wrote ${file}`);
    }
    if (!hasErrors(summaries)) return 0;
    console.error('There were errors: numbers of those rows mean nothing.');
    return 1;
  });
}

// A work that cannot be measured at all must not take those after it along.
async function measureOrFail(
  work: Work,
  peers: readonly Peer[],
  ground: Ground,
): Promise<Outcome[]> {
  try {
    return await work.measure(peers, ground);
  } catch (error) {
    const failure = describe(error);
    return peers.map(({ name }) => ({ ...emptyOutcome(name), failure }));
  }
}
