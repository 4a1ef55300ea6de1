// What the bench measures and what comes out of it. One work is one row of the result table.

import type { Peer } from './peers/peer.ts';
import type { Certificates, Upstream } from './setup.ts';

/** One proxy on one work. */
export interface Outcome {
  readonly proxy: string;
  /** The number that counts, once for each round, in the unit of the work. */
  readonly values: number[];
  /** Further numbers of each round by name, the unit in the name. */
  readonly details: Record<string, number[]>;
  /** Answers that were wrong, connections that broke: where there are any, no number counts. */
  errors: number;
  /** Why there are no values; null where there are. */
  failure: string | null;
}

/** One row. */
export interface Work {
  readonly name: string;
  /** One line for the report. */
  readonly help: string;
  /** Of the values: "µs of CPU per request" and the like. */
  readonly unit: string;
  readonly better: 'less' | 'more';
  /** The proxies that it is worth measuring on where the command line names none. */
  readonly peers: readonly string[];
  measure(peers: readonly Peer[], ground: Ground): Promise<Outcome[]>;
}

/** Where a work is measured, and how long. */
export interface Ground {
  readonly folder: string;
  readonly certificates: Certificates;
  readonly upstream: Upstream;
  readonly times: Times;
}

/** How much is measured. */
export interface Times {
  readonly rounds: number;
  /** Length of a round. */
  readonly seconds: number;
  /** Length of the load before the first round, which is not counted. */
  readonly warmUpSeconds: number;
  /** Requests after which memory is looked at once more, in millions. */
  readonly millions: number;
  /** Idle connections to open. */
  readonly idleConnections: number;
}

/** An outcome without any value yet. */
export function emptyOutcome(proxy: string): Outcome {
  return { proxy, values: [], details: {}, errors: 0, failure: null };
}

/** Adds the numbers of one round. */
export function addRound(
  outcome: Outcome,
  value: number,
  details: Readonly<Record<string, number>>,
): void {
  outcome.values.push(value);
  for (const [name, number] of Object.entries(details)) {
    (outcome.details[name] ??= []).push(number);
  }
}
