// Latency at 70 % of nginx's highest rate, as that is found at the beginning with the same load
// generator. What counts is the 99th percentile; for proxies on Node.js also the longest time for
// which an event loop stood still, and the longest garbage collection.

import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { compete, start } from '../contest.ts';
import type { Contender } from '../contest.ts';
import { openLoop } from '../generators/open-loop.ts';
import type { OpenLoopOrder } from '../generators/open-loop.ts';
import type { Peer } from '../peers/peer.ts';
import { addRound, emptyOutcome } from '../work.ts';
import type { Ground, Outcome, Work } from '../work.ts';
import { alike } from '../workloads.ts';
import type { Workload } from '../workloads.ts';
import type { Pauses } from './pause-recorder.ts';

const share = 0.7;
const recorder = pathToFileURL(join(import.meta.dirname, 'pause-recorder.ts')).href;
/** More than the recorder waits between two looks at its file. */
const recorderMs = 300;

export function latencyWork(name: string, workload: Workload): Work {
  return {
    name,
    help: `99th percentile at 70 % of nginx's highest rate: ${workload.help}`,
    unit: 'ms',
    better: 'less',
    peers: alike,
    measure: (peers, ground) => measureLatency(workload, peers, ground),
  };
}

async function measureLatency(
  workload: Workload,
  peers: readonly Peer[],
  ground: Ground,
): Promise<Outcome[]> {
  const first = peers[0];
  if (first === undefined) return [];
  const rate = Math.round((await highestRate(workload, first, ground)) * share);
  const turn = (contender: Contender): Promise<void> => takeTurn(contender, ground, rate);
  const nodeArgs = [`--import=${recorder}`];
  return compete({ workload, peers, ground, nodeArgs, turn });
}

async function highestRate(workload: Workload, peer: Peer, ground: Ground): Promise<number> {
  const contender = await start({ workload, ground }, peer, emptyOutcome(peer.name));
  try {
    await openLoop(orderFor(contender, 0, ground.times.warmUpSeconds));
    return (await openLoop(orderFor(contender, 0, ground.times.seconds))).perSecond;
  } finally {
    await contender.running.stop();
  }
}

async function takeTurn(contender: Contender, ground: Ground, rate: number): Promise<void> {
  await forgetPauses(contender);
  const result = await openLoop(orderFor(contender, rate, ground.times.seconds));
  const pauses = await readPauses(contender);
  addRound(contender.outcome, result.p99, {
    'wanted requests/s': rate,
    'requests/s': result.perSecond,
    unanswered: result.unanswered,
    'p50 ms': result.p50,
    'p90 ms': result.p90,
    'p99.9 ms': result.p999,
    'max ms': result.max,
    'generator late p99 ms': result.lag99,
    ...(pauses === null
      ? {}
      : {
          'longest pause ms': pauses.longestPauseMs,
          'longest collection ms': pauses.longestCollectionMs,
        }),
  });
}

function orderFor({ setup, workload }: Contender, rate: number, seconds: number): OpenLoopOrder {
  const { port, clientTls, certificates } = setup;
  const { path, connections } = workload;
  return { port, clientTls, caFile: certificates.caFile, path, connections, rate, seconds };
}

function pauseFiles({ setup }: Contender): string[] {
  const names = readdirSync(setup.folder).filter((name) => name.startsWith('pauses-'));
  return names.map((name) => join(setup.folder, name));
}

async function forgetPauses(contender: Contender): Promise<void> {
  const files = pauseFiles(contender);
  for (const file of files) rmSync(file, { force: true });
  if (files.length > 0) await sleep(recorderMs);
}

// Null where nothing was recorded: a proxy that does not run on Node.js.
async function readPauses(contender: Contender): Promise<Pauses | null> {
  await sleep(recorderMs);
  const all = pauseFiles(contender).map((file) => JSON.parse(readFileSync(file, 'utf8')) as Pauses);
  if (all.length === 0) return null;
  return {
    longestPauseMs: Math.max(...all.map(({ longestPauseMs }) => longestPauseMs)),
    longestCollectionMs: Math.max(...all.map(({ longestCollectionMs }) => longestCollectionMs)),
  };
}
