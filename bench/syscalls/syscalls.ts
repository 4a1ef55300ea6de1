// System calls for each request: `strace -c` attached to all processes and threads of a proxy while
// it is under load. The proxy is many times slower then; only the counts mean something.

import { spawn } from 'node:child_process';
import { compete, loadOn } from '../contest.ts';
import type { Contender } from '../contest.ts';
import { generate } from '../generators/load.ts';
import { select } from '../options.ts';
import type { BenchOptions } from '../options.ts';
import { notInstalled } from '../peers/peer.ts';
import { treeUsage } from '../process-tree.ts';
import { availablePeers, onGround, writeJson } from '../session.ts';
import { addRound } from '../work.ts';
import type { Ground, Outcome } from '../work.ts';
import { alike, workloads } from '../workloads.ts';
import { formatCounts, parseCounts } from './counts.ts';

const usualWorks = ['plain-small', 'tls-small', 'tls-1m', 'plain-upload-64k'];

export async function syscalls(options: BenchOptions): Promise<number> {
  const missing = notInstalled('strace');
  if (missing !== null) throw new Error(missing);
  const names = options.names.length === 0 ? usualWorks : options.names;
  const chosen = select('work with a load', workloads, names);
  const peers = availablePeers(options, alike);
  return onGround(options, async (ground) => {
    const found: Record<string, readonly Outcome[]> = {};
    let hasFailed = false;
    for (const workload of chosen) {
      const turn = (contender: Contender): Promise<void> => takeTurn(contender, ground);
      const once = { ...ground, times: { ...ground.times, rounds: 1 } };
      const outcomes = await compete({ workload, peers, ground: once, turn });
      found[workload.name] = outcomes;
      hasFailed ||= outcomes.some(({ failure }) => failure !== null);
      console.log(formatCounts(workload.name, outcomes));
      writeJson(options, { syscalls: found });
    }
    return hasFailed ? 1 : 0;
  });
}

async function takeTurn(contender: Contender, ground: Ground): Promise<void> {
  const { running, outcome } = contender;
  const tracer = await attach(treeUsage(running.pid).pids);
  const load = await generate(loadOn(contender, ground.times.seconds));
  const counts = parseCounts(await tracer.finish());
  outcome.errors += load.errors;
  if (load.requests === 0) throw new Error('answers no request while it is traced');
  const perRequest: Record<string, number> = {};
  for (const [name, calls] of counts) perRequest[name] = calls / load.requests;
  const all = Object.values(perRequest).reduce((sum, calls) => sum + calls, 0);
  addRound(outcome, all, perRequest);
}

/** Attaches to processes with all their threads; `finish` detaches and gives the summary. */
async function attach(pids: readonly number[]): Promise<{ finish(): Promise<string> }> {
  const args = ['-c', '-f', ...pids.flatMap((pid) => ['-p', `${pid}`])];
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const attached = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('attached')) resolve();
    });
  });
  await Promise.race([attached, closed]);
  if (child.exitCode !== null) throw new Error(`strace: ${output.trim()}`);
  return {
    async finish() {
      child.kill('SIGINT');
      await closed;
      return output;
    },
  };
}
