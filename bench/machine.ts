// On what a run was made: without it no number can be compared with another day's.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { home } from './peers/sallyport.ts';

export interface MachineFacts {
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
  readonly memoryGb: number;
  /** Of the last minute before the run: above 0.5 something else is running. */
  readonly load: number;
  /** By name; what is not installed is left out. */
  readonly versions: Readonly<Record<string, string>>;
}

const programs: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: 'nginx', args: ['-v'] },
  { name: 'haproxy', args: ['-v'] },
  { name: 'caddy', args: ['version'] },
  { name: 'wrk', args: ['-v'] },
];
const packages = ['http-proxy', '@fastify/http-proxy', 'fast-proxy'];

export function machineFacts(): MachineFacts {
  const versions: Record<string, string> = { 'Node.js': process.versions.node };
  for (const { name, args } of programs) {
    const version = versionOf(name, args);
    if (version !== null) versions[name] = version;
  }
  for (const name of packages) {
    const version = packageVersion(name);
    if (version !== null) versions[name] = version;
  }
  return {
    processor: cpus()[0]?.model ?? 'an unknown processor',
    cores: availableParallelism(),
    kernel: release(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? 0,
    versions,
  };
}

/** One line for the beginning of a run. */
export function machineLine({ processor, cores, kernel, load, versions }: MachineFacts): string {
  const busy = load > 0.5 ? `; BUSY: load ${load.toFixed(2)} before the run` : '';
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${cores} x ${processor}, Linux ${kernel}, ${names.join(', ')}${busy}`;
}

function versionOf(name: string, args: readonly string[]): string | null {
  const { stdout, stderr, error } = spawnSync(name, args, { encoding: 'utf8', timeout: 5000 });
  if (error !== undefined) return null;
  return /\d+\.\d+(?:\.\d+)?/.exec(stdout + stderr)?.[0] ?? null;
}

function packageVersion(name: string): string | null {
  try {
    const text = readFileSync(join(home, 'node_modules', name, 'package.json'), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return null;
  }
}
