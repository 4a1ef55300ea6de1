// A thread that sends requests to the peers of a zone, for tests: picks, checks that no limit is
// passed, and reports.

import { parentPort, workerData } from 'node:worker_threads';
import { nobody, peersOf } from './balancers.test-kit.ts';
import { PeerZone } from './peer-zone.ts';
import { RoundRobin } from './round-robin.ts';
import { ZonedBalancer } from './zoned.ts';
import type { Peer } from './peer.ts';

/** What the thread is to do. */
export interface ZoneWork {
  readonly buffer: SharedArrayBuffer;
  readonly bytes: number;
  readonly thread: number;
  readonly rounds: number;
  readonly maxConns: number;
  /** Requests that it has under way at most. */
  readonly open: number;
  /** Ends with its requests under way, and with the lock. */
  readonly dies: boolean;
}

/** What it has seen. */
export interface ZoneSeen {
  readonly picks: number;
  readonly refused: number;
  /** Most connections of one peer, its own and others'. */
  readonly most: number;
}

const work = workerData as ZoneWork;
const zone = new PeerZone(work.buffer, work.bytes, work.thread);
const peers = peersOf({ maxConns: work.maxConns }, { maxConns: work.maxConns });
for (const peer of peers) zone.adopt(peer, peer.name);
const balancer = new ZonedBalancer(new RoundRobin(peers), zone);

const open: Peer[] = [];
let picks = 0;
let refused = 0;
let most = 0;
for (let round = 0; round < work.rounds; round += 1) {
  const peer = balancer.pick(nobody, null);
  if (peer === null) {
    refused += 1;
  } else {
    picks += 1;
    most = Math.max(most, peer.connections);
    open.push(peer);
  }
  const oldest = open.length >= work.open || peer === null ? open.shift() : undefined;
  if (oldest !== undefined) balancer.report(oldest, 'ok');
}
if (work.dies) zone.lock();
else for (const peer of open) balancer.report(peer, 'ok');
parentPort?.postMessage({ picks, refused, most } satisfies ZoneSeen);
