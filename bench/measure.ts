// One workload on all proxies: all are started, checked and warmed up; then they take turns, round
// by round, so that whatever else happens on the machine meets all of them alike.

import { mkdirSync, readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { join } from 'node:path';
import { generate } from './generators/load.ts';
import type { LoadResult } from './generators/load.ts';
import type { BenchOptions } from './options.ts';
import type { Peer } from './peers/peer.ts';
import { treeUsage } from './process-tree.ts';
import { freePort } from './processes.ts';
import type { Running } from './processes.ts';
import type { Certificates, ProxySetup, Upstream } from './setup.ts';
import type { Workload } from './workloads.ts';

/** One round of one proxy. */
export interface Sample extends LoadResult {
  /** CPU time of the proxy and all its processes and threads, in microseconds. */
  readonly cpuUs: number;
}

/** One proxy on one workload. */
export interface Result {
  readonly workload: string;
  readonly proxy: string;
  readonly samples: Sample[];
  peakRssKb: number;
  /** Why there are no samples; null where there are. */
  failure: string | null;
}

/** Where a workload is measured. */
export interface Ground {
  readonly folder: string;
  readonly certificates: Certificates;
  readonly upstream: Upstream;
  readonly options: BenchOptions;
}

interface Contender {
  readonly setup: ProxySetup;
  readonly running: Running;
  readonly result: Result;
}

/** Measures one workload; a proxy that fails is in the results with the reason. */
export async function measure(
  workload: Workload,
  peers: readonly Peer[],
  ground: Ground,
): Promise<Result[]> {
  const results: Result[] = [];
  const contenders: Contender[] = [];
  try {
    for (const peer of peers) {
      const samples: Sample[] = [];
      const name = { workload: workload.name, proxy: peer.name };
      const result: Result = { ...name, samples, peakRssKb: 0, failure: null };
      results.push(result);
      const contender = await enter(peer, workload, ground, result);
      if (contender !== null) contenders.push(contender);
    }
    for (let round = 0; round < ground.options.rounds; round += 1) {
      for (const contender of contenders) await takeTurn(contender, workload, ground);
    }
  } finally {
    for (const { running } of contenders) await running.stop();
  }
  return results;
}

async function enter(
  peer: Peer,
  workload: Workload,
  ground: Ground,
  result: Result,
): Promise<Contender | null> {
  const setup = await makeSetup(peer, workload, ground);
  let running: Running | null = null;
  try {
    running = await peer.start(setup);
    await check(workload, setup);
    const warmUp = await generate(loadFor(workload, setup, ground.options.warmUpSeconds));
    if (warmUp.requests === 0) throw new Error('answers no request under load');
    return { setup, running, result };
  } catch (error) {
    await running?.stop();
    result.failure = error instanceof Error ? error.message : String(error);
    return null;
  }
}

async function makeSetup(peer: Peer, workload: Workload, ground: Ground): Promise<ProxySetup> {
  const folder = join(ground.folder, `${workload.name}-${peer.name}`);
  mkdirSync(folder, { recursive: true });
  const { clientTls, upstreamTls } = workload;
  const { plainPort, tlsPort } = ground.upstream;
  return {
    folder,
    port: await freePort(),
    clientTls,
    upstreamTls,
    beside: workload.beside,
    upstreamPort: upstreamTls ? tlsPort : plainPort,
    certificates: ground.certificates,
  };
}

async function takeTurn(
  { setup, running, result }: Contender,
  workload: Workload,
  ground: Ground,
): Promise<void> {
  const before = treeUsage(running.pid);
  const load = await generate(loadFor(workload, setup, ground.options.seconds));
  const after = treeUsage(running.pid);
  result.samples.push({ ...load, cpuUs: after.cpuUs - before.cpuUs });
  result.peakRssKb = Math.max(result.peakRssKb, after.peakRssKb);
}

function loadFor(
  workload: Workload,
  setup: ProxySetup,
  seconds: number,
): Parameters<typeof generate>[0] {
  const { port, folder, certificates } = setup;
  return { workload, port, seconds, folder, caFile: certificates.caFile };
}

/** One request by Node's own client: a proxy that answers wrongly is not worth measuring. */
function check(workload: Workload, setup: ProxySetup): Promise<void> {
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
