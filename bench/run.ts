// Sallyport beside other proxies: the same work, on this machine, in one run. What counts is the
// CPU time for a request as a multiple of nginx's; requests per second also depend on the load
// generator and the upstream, which share the processors. Ends with 1 where anything failed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure } from './measure.ts';
import type { Result } from './measure.ts';
import { readOptions, usage } from './options.ts';
import type { BenchOptions } from './options.ts';
import { formatTable, hasErrors, summarise } from './report.ts';
import type { Summary } from './report.ts';
import { notInstalled } from './peers/peer.ts';
import { stopAll } from './processes.ts';
import { makeCertificates, startUpstream } from './setup.ts';

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    console.log(usage);
    return 0;
  }
  const missing = notInstalled('nginx');
  if (missing !== null) throw new Error(`${missing}: it is the upstream of every run`);
  console.log(`${machine()}; ${options.rounds} rounds of ${options.seconds} s, medians\n`);
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return measureAll(options, folder);
}

async function measureAll(options: BenchOptions, folder: string): Promise<number> {
  const certificates = await makeCertificates(folder);
  const upstream = await startUpstream(folder, certificates);
  const results: Result[] = [];
  const summaries: Summary[] = [];
  try {
    const peers = options.peers.filter((peer) => {
      const reason = peer.unavailable();
      if (reason !== null) console.log(`${peer.name} is left out: ${reason}`);
      return reason === null;
    });
    for (const workload of options.workloads) {
      const ground = { folder, certificates, upstream, options };
      const measured = await measure(workload, peers, ground);
      const reduced = summarise(measured);
      results.push(...measured);
      summaries.push(...reduced);
      console.log(formatTable(workload, reduced));
    }
  } finally {
    await upstream.stop();
  }
  if (options.jsonFile !== null) {
    const { rounds, seconds } = options;
    const record = { machine: machine(), rounds, seconds, summaries, results };
    writeFileSync(options.jsonFile, `${JSON.stringify(record, null, 2)}\n`);
  }
  if (!hasErrors(summaries)) return 0;
  console.error('There were errors: numbers of those rows mean nothing.');
  return 1;
}

function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  return `${availableParallelism()} x ${model}, Node ${process.version}`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void stopAll().finally(() => process.exit(130)));
}
process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});
