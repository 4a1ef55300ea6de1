// `least_conn`: the server with the fewest requests under way, in relation to its weight. Among
// several such servers round robin decides.

import type { BalancerRow, Tried } from './balancer.ts';
import { isUsable, slowShare, type Peer } from './peer.ts';
import { credit, RoundRobin } from './round-robin.ts';

function weightOf(peer: Peer, time: number): number {
  return peer.slowStart === 0 ? peer.weight : peer.weight * slowShare(peer, time);
}

/** Below 0 where `one` is the less busy one, 0 where both are equally busy. */
export function compareLoad(one: Peer, other: Peer, time: number): number {
  return one.connections * weightOf(other, time) - other.connections * weightOf(one, time);
}

export class LeastConn extends RoundRobin {
  protected override choose(
    peers: readonly Peer[],
    tried: Tried | null,
    time: number,
  ): Peer | null {
    return this.boundPeer(peers, tried, time) ?? chooseLeast(peers, tried, time, compareLoad);
  }
}

/**
 * The usable peer of the least load, round robin among those that have the same.
 *
 * @param compare - of two peers; below 0 where the first has less
 */
export function chooseLeast(
  peers: readonly Peer[],
  tried: Tried | null,
  time: number,
  compare: (one: Peer, other: Peer, time: number) => number,
): Peer | null {
  let best: Peer | null = null;
  let first = 0;
  let several = false;
  for (let i = 0; i < peers.length; i += 1) {
    const peer = peers[i];
    if (peer === undefined || !isUsable(peer, time) || tried?.has(peer) === true) continue;
    const order = best === null ? -1 : compare(peer, best, time);
    if (order < 0) {
      best = peer;
      first = i;
      several = false;
    } else if (order === 0) {
      several = true;
    }
  }
  if (best === null || !several) return best;
  let total = 0;
  const least = best;
  for (let i = first; i < peers.length; i += 1) {
    const peer = peers[i];
    if (peer === undefined || !isUsable(peer, time) || tried?.has(peer) === true) continue;
    if (peer !== least && compare(peer, least, time) !== 0) continue;
    total += credit(peer, time);
    if (peer.currentWeight > best.currentWeight) best = peer;
  }
  best.currentWeight -= total;
  return best;
}

export const leastConn: BalancerRow = {
  name: 'least-conn',
  help: 'The server with the fewest requests under way in relation to its weight.',
  backup: true,
  keyed: false,
  create: (peers, args) => new LeastConn(peers, args),
};
