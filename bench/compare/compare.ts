// Two versions of Sallyport beside each other: CPU time for a request of the second as a multiple of
// the first's. Both are started several times (a start decides where code lies in memory, which is
// worth a few per cent), and take turns in the order A B B A, so that a machine that gets slower
// or faster does so for both.

import { checkOut } from '../checkout.ts';
import type { Checkout } from '../checkout.ts';
import { describe, loadOn, start } from '../contest.ts';
import type { Contender } from '../contest.ts';
import { generate } from '../generators/load.ts';
import { machineFacts, machineLine } from '../machine.ts';
import { select } from '../options.ts';
import type { BenchOptions } from '../options.ts';
import { home, sallyportIn } from '../peers/sallyport.ts';
import { onGround, writeJson } from '../session.ts';
import { emptyOutcome } from '../work.ts';
import type { Ground } from '../work.ts';
import { loadTurn } from '../works/load.ts';
import { workloads } from '../workloads.ts';
import type { Workload } from '../workloads.ts';
import { compareBlocks, formatComparison } from './verdict.ts';
import type { Block } from './verdict.ts';

const usualWorks = ['plain-small', 'tls-small'];

export async function compare(options: BenchOptions): Promise<number> {
  const [first, second, ...names] = options.names;
  if (first === undefined || second === undefined) throw new Error('compare takes two versions');
  const chosen = select('work with a load', workloads, names.length === 0 ? usualWorks : names);
  const machine = machineFacts();
  return onGround(options, async (ground) => {
    const a = await checkOut(home, first, ground.folder);
    const b = await checkOut(home, second, ground.folder);
    console.log(`${machineLine(machine)}\nA: ${title(a)}\nB: ${title(b)}\n`);
    const found: object[] = [];
    for (const workload of chosen) {
      const blocks: Block[] = [];
      for (let at = 0; at < options.starts; at += 1) {
        // Who starts first, and who takes the first turn, alternates too.
        const isSwapped = at % 2 === 1;
        blocks.push(await measureBlock({ workload, ground, a, b, isSwapped }));
      }
      const comparison = compareBlocks(blocks);
      console.log(formatComparison(workload.name, comparison));
      found.push({ work: workload.name, ...comparison, blocks });
      writeJson(options, { machine, a: a.commit, b: b.commit, comparisons: found });
    }
    return 0;
  });
}

function title({ revision, commit, samePackages }: Checkout): string {
  const note = samePackages ? '' : ' (wants other packages; runs with those installed here)';
  return `${revision === '.' ? 'working tree' : revision} at ${commit}${note}`;
}

interface BlockOrder {
  readonly workload: Workload;
  readonly ground: Ground;
  readonly a: Checkout;
  readonly b: Checkout;
  readonly isSwapped: boolean;
}

async function measureBlock({ workload, ground, a, b, isSwapped }: BlockOrder): Promise<Block> {
  const contenders: Contender[] = [];
  const enter = async (checkout: Checkout, name: string): Promise<Contender> => {
    const peer = sallyportIn(checkout.root, name);
    const outcome = emptyOutcome(name);
    const contender = await start({ workload, ground }, peer, outcome).catch((error: unknown) => {
      throw new Error(`${title(checkout)}: ${describe(error)}`, { cause: error });
    });
    contenders.push(contender);
    await generate(loadOn(contender, ground.times.warmUpSeconds));
    return contender;
  };
  try {
    const order = isSwapped ? ([b, a] as const) : ([a, b] as const);
    const one = await enter(order[0], isSwapped ? 'B' : 'A');
    const two = await enter(order[1], isSwapped ? 'A' : 'B');
    for (let round = 0; round < ground.times.rounds; round += 1) {
      const turns = round % 2 === 0 ? [one, two] : [two, one];
      for (const contender of turns) await loadTurn(contender, ground.times.seconds);
    }
    const valuesOf = (name: string): number[] =>
      contenders.find(({ outcome }) => outcome.proxy === name)?.outcome.values ?? [];
    const errors = contenders.reduce((sum, { outcome }) => sum + outcome.errors, 0);
    return { a: valuesOf('A'), b: valuesOf('B'), errors };
  } finally {
    for (const { running } of contenders) await running.stop();
  }
}
