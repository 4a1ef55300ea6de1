// What a load generator is told and what it gives back; and which one fits a workload.

import { notInstalled } from '../peers/peer.ts';
import type { Workload } from '../workloads.ts';
import { runNodeClient } from './node-client.ts';
import { runWrk } from './wrk.ts';

export interface Load {
  readonly workload: Workload;
  /** The proxy's port on localhost. */
  readonly port: number;
  readonly seconds: number;
  readonly caFile: string;
  /** A folder for scripts. */
  readonly folder: string;
}

export interface LoadResult {
  /** Requests that were answered. */
  readonly requests: number;
  readonly seconds: number;
  /** Answers of another class than 2xx and 3xx, and connections that broke or timed out. */
  readonly errors: number;
}

/**
 * Puts the load on. wrk where it can: it costs less than what it measures. It resumes TLS sessions
 * when it reconnects, so full handshakes are left to a client of our own.
 */
export function generate(load: Load): Promise<LoadResult> {
  const byWrk = !load.workload.newConnections && notInstalled('wrk') === null;
  return byWrk ? runWrk(load) : runNodeClient(load);
}
