// What every command that starts proxies needs around it: a temporary folder, certificates, the
// upstream server, and an end that leaves nothing behind.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchOptions } from './options.ts';
import { select } from './options.ts';
import { peers } from './peers/index.ts';
import { notInstalled } from './peers/peer.ts';
import type { Peer } from './peers/peer.ts';
import { makeCertificates, startUpstream } from './setup.ts';
import type { Ground } from './work.ts';

/** Runs something on a ground of its own; gives its exit code. */
export async function onGround(
  options: BenchOptions,
  body: (ground: Ground) => Promise<number>,
): Promise<number> {
  const missing = notInstalled('nginx');
  if (missing !== null) throw new Error(`${missing}: it is the upstream of every run`);
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const certificates = await makeCertificates(folder);
  const upstream = await startUpstream(folder, certificates);
  try {
    return await body({ folder, certificates, upstream, times: options.times });
  } finally {
    await upstream.stop();
  }
}

/** The proxies to measure: those that were asked for, else the usual ones, if they can run. */
export function availablePeers(options: BenchOptions, usual: readonly string[]): Peer[] {
  return select('proxy', peers, options.peers ?? usual).filter((peer) => {
    const reason = peer.unavailable();
    if (reason !== null) console.log(`${peer.name} is left out: ${reason}`);
    return reason === null;
  });
}

/** Writes what a run found where the command line wants it. */
export function writeJson(options: BenchOptions, record: object): void {
  if (options.jsonFile === null) return;
  const { command, times } = options;
  const whole = { format: 2, command, time: new Date().toISOString(), times, ...record };
  writeFileSync(options.jsonFile, `${JSON.stringify(whole, null, 2)}\n`);
}
