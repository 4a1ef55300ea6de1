// One workload on several proxies: all are started, checked and warmed up; then they take turns,
// round by round, so that whatever else happens on the machine meets all of them alike.

import { mkdirSync, readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { join } from 'node:path';
import { generate } from './generators/load.ts';
import type { Load } from './generators/load.ts';
import type { Peer } from './peers/peer.ts';
import { freePort } from './processes.ts';
import type { Running } from './processes.ts';
import type { ProxySetup } from './setup.ts';
import { emptyOutcome } from './work.ts';
import type { Ground, Outcome } from './work.ts';
import type { Workload } from './workloads.ts';

/** A proxy that runs. */
export interface Contender {
  readonly setup: ProxySetup;
  readonly running: Running;
  readonly outcome: Outcome;
  readonly workload: Workload;
}

export interface Contest {
  readonly workload: Workload;
  readonly peers: readonly Peer[];
  readonly ground: Ground;
  /** Measures one round of one proxy and adds it to its outcome. */
  readonly turn: (contender: Contender, round: number) => Promise<void>;
  /** Further arguments for the Node that runs a proxy written for it. */
  readonly nodeArgs?: readonly string[];
}

/** Holds a contest; a proxy that fails is in the outcomes with the reason. */
export async function compete(contest: Contest): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let contenders: Contender[] = [];
  try {
    for (const peer of contest.peers) {
      const outcome = emptyOutcome(peer.name);
      outcomes.push(outcome);
      const contender = await enter(contest, peer, outcome);
      if (contender !== null) contenders.push(contender);
    }
    for (let round = 0; round < contest.ground.times.rounds; round += 1) {
      for (const contender of contenders) await takeTurn(contest, contender, round);
      contenders = await withoutFailed(contenders);
    }
  } finally {
    for (const { running } of contenders) await running.stop();
  }
  return outcomes;
}

async function takeTurn(contest: Contest, contender: Contender, round: number): Promise<void> {
  try {
    await contest.turn(contender, round);
  } catch (error) {
    contender.outcome.failure = describe(error);
  }
}

async function withoutFailed(contenders: readonly Contender[]): Promise<Contender[]> {
  for (const { outcome, running } of contenders) {
    if (outcome.failure !== null) await running.stop();
  }
  return contenders.filter(({ outcome }) => outcome.failure === null);
}

async function enter(contest: Contest, peer: Peer, outcome: Outcome): Promise<Contender | null> {
  const { workload, ground } = contest;
  try {
    const contender = await start(contest, peer, outcome);
    try {
      const warmUp = await generate(loadOn(contender, ground.times.warmUpSeconds));
      if (warmUp.requests === 0) throw new Error('answers no request under load');
      return contender;
    } catch (error) {
      await contender.running.stop();
      throw error;
    }
  } catch (error) {
    outcome.failure = `${workload.name}: ${describe(error)}`;
    return null;
  }
}

/** Starts one proxy and asks it once; throws where the answer is not the right one. */
export async function start(
  contest: Pick<Contest, 'workload' | 'ground' | 'nodeArgs'>,
  peer: Peer,
  outcome: Outcome,
): Promise<Contender> {
  const { workload, ground } = contest;
  const setup = await setupFor(workload, ground, peer.name, contest.nodeArgs);
  const running = await peer.start(setup);
  try {
    await check(workload, setup);
    return { setup, running, outcome, workload };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** What a proxy is told: a folder and a port of its own, and what the workload asks for. */
export async function setupFor(
  workload: Workload,
  ground: Ground,
  name: string,
  nodeArgs: readonly string[] = [],
): Promise<ProxySetup> {
  const port = await freePort();
  const folder = join(ground.folder, `${workload.name}-${name}-${port}`.replaceAll('/', '-'));
  mkdirSync(folder, { recursive: true });
  const { clientTls, upstreamTls, beside, workers, newUpstreamConnections } = workload;
  const { plainPort, tlsPort } = ground.upstream;
  return {
    folder,
    port,
    clientTls,
    upstreamTls,
    beside,
    workers,
    newUpstreamConnections,
    nodeArgs,
    upstreamPort: upstreamTls ? tlsPort : plainPort,
    certificates: ground.certificates,
  };
}

/** The usual load of a contender's workload, for some seconds. */
export function loadOn({ workload, setup }: Contender, seconds: number): Load {
  const { port, folder, certificates } = setup;
  return { workload, port, seconds, folder, caFile: certificates.caFile };
}

/** One request by Node's own client: a proxy that answers wrongly is not worth measuring. */
export function check(workload: Workload, setup: ProxySetup): Promise<void> {
  const { clientTls, path, uploadBytes, answerBytes } = workload;
  const options = {
    host: 'localhost',
    port: setup.port,
    path,
    method: uploadBytes > 0 ? 'POST' : 'GET',
    agent: false as const,
    timeout: 10_000,
  };
  const ca = readFileSync(setup.certificates.caFile);
  return new Promise((resolve, reject) => {
    const request = clientTls ? tlsRequest({ ...options, ca }) : plainRequest(options);
    request.on('response', (response) => {
      let length = 0;
      response.on('data', (chunk: Buffer) => (length += chunk.length));
      response.on('end', () => {
        if (response.statusCode === 200 && length === answerBytes) resolve();
        else reject(new Error(`answers ${response.statusCode} with ${length} bytes`));
      });
    });
    request.on('timeout', () => request.destroy(new Error('does not answer')));
    request.on('error', reject);
    request.end('x'.repeat(uploadBytes));
  });
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
