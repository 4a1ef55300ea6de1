// The command line of the bench.

import { parseArgs } from 'node:util';
import { peers } from './peers/index.ts';
import type { Times } from './work.ts';
import { works } from './works/index.ts';

export const commands = ['table', 'compare', 'growth', 'profile', 'syscalls', 'micro'] as const;
export type Command = (typeof commands)[number];

export interface BenchOptions {
  readonly command: Command;
  /** What stands on the command line besides options: works, versions, names of micro-benchmarks. */
  readonly names: readonly string[];
  /** Null: those that each work is worth measuring on. */
  readonly peers: readonly string[] | null;
  readonly times: Times;
  /** Starts of both versions in a comparison. */
  readonly starts: number;
  /** Where to write all numbers; null for nowhere. */
  readonly jsonFile: string | null;
  readonly writeDocs: boolean;
}

export const usage = `usage: npm run bench -- [COMMAND] [NAME…] [options]

  [WORK…]                     the result table; all works where none is named:
${listed(works.map(({ name }) => name))}
  compare REV1 REV2 [WORK…]   CPU time of two commits beside each other; "." is the working tree;
                              works with a load, default plain-small and tls-small
  growth [KIND…]              cost with 1, 100 and 10,000 of something, and with 1 to 512 connections
  profile [WORK]              where the CPU time of a work goes, stage by stage (also: --profile)
  syscalls [WORK…]            system calls for each request, beside nginx
  micro [NAME…]               single hot functions

  --peers NAME,…     ${peers.map(({ name }) => name).join(', ')}
  --rounds N         rounds of each proxy and work; the median counts (default 5)
  --seconds S        length of a round (default 5)
  --warm-up S        length of the load before the first round (default 3)
  --starts N         compare: how often both versions are started anew (default 5)
  --millions N       memory: requests in millions (default 1)
  --connections N    idle-tls: connections (default 2000)
  --json FILE        writes all numbers
  --write-docs       puts the results into docs/performance.md and draws its charts
  --help`;

function listed(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last === undefined || last.length + name.length > 66) lines.push(name);
    else lines[lines.length - 1] = `${last}, ${name}`;
  }
  return lines.map((line) => `                              ${line}`).join('\n');
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;

/** Reads the arguments; null where help is asked for. Throws on what it does not know. */
export function readOptions(args: readonly string[]): BenchOptions | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      peers: text,
      rounds: { ...text, default: '5' },
      seconds: { ...text, default: '5' },
      'warm-up': { ...text, default: '3' },
      starts: { ...text, default: '5' },
      millions: { ...text, default: '1' },
      connections: { ...text, default: '2000' },
      json: text,
      'write-docs': flag,
      profile: flag,
      help: flag,
    },
  });
  if (values.help) return null;
  const named = commands.find((command) => command === positionals[0]);
  const names = named === undefined ? positionals : positionals.slice(1);
  const command = values.profile ? 'profile' : (named ?? 'table');
  return {
    command,
    names: command === 'table' ? checked('work', works, names) : names,
    peers: values.peers === undefined ? null : checked('proxy', peers, values.peers.split(',')),
    times: {
      rounds: positive('--rounds', values.rounds),
      seconds: positive('--seconds', values.seconds),
      warmUpSeconds: positive('--warm-up', values['warm-up']),
      millions: positive('--millions', values.millions),
      idleConnections: positive('--connections', values.connections),
    },
    starts: positive('--starts', values.starts),
    jsonFile: values.json ?? null,
    writeDocs: values['write-docs'],
  };
}

/** The rows of these names, in their order; throws on a name that no row has. */
export function select<T extends { readonly name: string }>(
  kind: string,
  rows: readonly T[],
  names: readonly string[],
): T[] {
  return names.map((name) => {
    const row = rows.find((candidate) => candidate.name === name);
    if (row !== undefined) return row;
    throw new Error(`no ${kind} "${name}"; there are ${rows.map((one) => one.name).join(', ')}`);
  });
}

function checked(
  kind: string,
  rows: readonly { readonly name: string }[],
  names: readonly string[],
): string[] {
  return select(kind, rows, names).map(({ name }) => name);
}

function positive(option: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${option} takes a whole number`);
  return number;
}
