// The command line of the bench.

import { parseArgs } from 'node:util';
import { peers } from './peers/index.ts';
import type { Peer } from './peers/peer.ts';
import { workloads } from './workloads.ts';
import type { Workload } from './workloads.ts';

export interface BenchOptions {
  readonly workloads: readonly Workload[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  /** Length of a round. */
  readonly seconds: number;
  /** Length of the load before the first round, which is not counted. */
  readonly warmUpSeconds: number;
  /** Where to write all samples; null for nowhere. */
  readonly jsonFile: string | null;
}

export const usage = `usage: npm run bench -- [options]
  --only NAME,…      workloads: ${workloads.map(({ name }) => name).join(', ')}
  --proxies NAME,…   ${peers.map(({ name }) => name).join(', ')}
  --rounds N         rounds of each proxy and workload; the median counts (default 3)
  --seconds S        length of a round (default 5)
  --warm-up S        length of the load before the first round (default 3)
  --json FILE        writes all samples
  --help`;

/** Reads the arguments; null where help is asked for. Throws on what it does not know. */
export function readOptions(args: string[]): BenchOptions | null {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      only: text,
      proxies: text,
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '3' },
      json: text,
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  return {
    workloads: select('workload', workloads, values.only),
    peers: select('proxy', peers, values.proxies),
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    warmUpSeconds: positive('--warm-up', values['warm-up']),
    jsonFile: values.json ?? null,
  };
}

function select<T extends { readonly name: string }>(
  kind: string,
  rows: readonly T[],
  names: string | undefined,
): readonly T[] {
  if (names === undefined) return rows;
  return names.split(',').map((name) => {
    const row = rows.find((candidate) => candidate.name === name);
    if (row === undefined) throw new Error(`no ${kind} "${name}"`);
    return row;
  });
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} takes a whole number`);
  return value;
}
