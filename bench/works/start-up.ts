// From the start of the program to its first answer from the upstream. Sallyport runs as users have
// it: built, with a compile cache that earlier starts have filled.

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtCopy } from '../checkout.ts';
import { describe, setupFor } from '../contest.ts';
import type { Peer } from '../peers/peer.ts';
import { home, sallyportIn } from '../peers/sallyport.ts';
import { addRound, emptyOutcome } from '../work.ts';
import type { Ground, Outcome, Work } from '../work.ts';
import { alike, plainSmall } from '../workloads.ts';

const workload = { ...plainSmall, name: 'start-up' };
const limitMs = 15_000;

export const startUp: Work = {
  name: 'start-up',
  help: 'from the start of the program to the first answer; built, compile cache filled',
  unit: 'ms',
  better: 'less',
  peers: alike,
  async measure(peers, ground) {
    const runners = await Promise.all(peers.map((peer) => asInstalled(peer, ground)));
    const outcomes = peers.map((peer) => emptyOutcome(peer.name));
    // The first start of each fills caches; its time is a detail.
    for (let round = -1; round < ground.times.rounds; round += 1) {
      for (const [i, runner] of runners.entries()) {
        const outcome = outcomes[i];
        if (outcome !== undefined) await measureOnce(runner, ground, outcome);
      }
    }
    return outcomes;
  },
};

async function asInstalled(peer: Peer, ground: Ground): Promise<Peer> {
  if (peer.name !== 'sallyport') return peer;
  return sallyportIn(await builtCopy(home, ground.folder), peer.name);
}

async function measureOnce(peer: Peer, ground: Ground, outcome: Outcome): Promise<void> {
  if (outcome.failure !== null) return;
  try {
    const ms = await timeOf(peer, ground);
    if (outcome.details['first start ms'] === undefined) outcome.details['first start ms'] = [ms];
    else addRound(outcome, ms, {});
  } catch (error) {
    outcome.failure = describe(error);
  }
}

async function timeOf(peer: Peer, ground: Ground): Promise<number> {
  const setup = await setupFor(workload, ground, peer.name);
  const begun = performance.now();
  const starting = peer.start(setup);
  starting.catch(() => {});
  let ms = 0;
  while (!(await answers(setup.port))) {
    if (performance.now() - begun > limitMs) break;
    await sleep(1);
  }
  ms = performance.now() - begun;
  await (await starting).stop();
  if (ms > limitMs) throw new Error('does not answer');
  return ms;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(`GET ${workload.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    socket.once('data', (chunk: Buffer) => {
      resolve(chunk.toString('latin1').startsWith('HTTP/1.1 200'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
