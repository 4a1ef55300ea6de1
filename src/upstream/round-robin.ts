// nginx's smooth weighted round robin. Each pick gives every usable peer its effective weight as
// credit, takes the richest, and charges it the sum of what was given: with weights 5, 1 and 1
// that is a a b a c a a, not five times a in a row. A failure lowers the effective weight at once;
// each pick gives one back.
//
// All other methods are built upon it: they choose differently, and share how failures count, what
// a request is bound to, and that backups come last.

import { now } from '../base/clock.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type {
  BalancerArguments,
  BalancerRow,
  BoundBalancer,
  Outcome,
  ResponseWatcher,
  Tried,
} from './balancer.ts';
import {
  canServe,
  countFailure,
  countSuccess,
  isUsable,
  noteChosen,
  slowShare,
  type Peer,
} from './peer.ts';

/** Smooth weighted round robin over the primary peers, and over the backups when none is usable. */
export class RoundRobin implements BoundBalancer {
  readonly watcher: ResponseWatcher | null = null;
  hint: string | null = null;
  protected readonly primary: readonly Peer[];
  protected readonly backup: readonly Peer[];
  /** The only server of a group is never left out for failures (nginx: max_fails is ignored). */
  protected readonly single: boolean;
  /** Of all primary peers, those that are down included. */
  protected readonly totalWeight: number;
  protected readonly clock: () => number;

  /** @param peers - in the order of the configuration */
  constructor(peers: readonly Peer[], { clock = now }: Pick<BalancerArguments, 'clock'> = {}) {
    this.primary = peers.filter((peer) => !peer.backup);
    this.backup = peers.filter((peer) => peer.backup);
    this.single = peers.length === 1;
    this.totalWeight = this.primary.reduce((sum, peer) => sum + peer.weight, 0);
    this.clock = clock;
  }

  pick(_x: Exchange, tried: Tried | null): Peer | null {
    const time = this.clock();
    const peer = this.single
      ? pickOnly(this.primary[0] ?? this.backup[0], tried, this.hint)
      : (this.choose(this.primary, tried, time) ?? this.choose(this.backup, tried, time));
    if (peer !== null) noteChosen(peer, time);
    return peer;
  }

  report(peer: Peer, outcome: Outcome): void {
    peer.release();
    if (this.single || outcome === 'neutral') return;
    const time = this.clock();
    if (outcome === 'ok') {
      countSuccess(peer, time);
      return;
    }
    countFailure(peer, time);
    if (peer.maxFails > 0) {
      const lowered = peer.effectiveWeight - Math.floor(peer.weight / peer.maxFails);
      peer.effectiveWeight = Math.max(0, lowered);
    }
  }

  /** The method itself, for the primary peers or for the backups; null where none is usable. */
  protected choose(peers: readonly Peer[], tried: Tried | null, time: number): Peer | null {
    const bound = this.boundPeer(peers, tried, time);
    return bound === null ? chooseSmoothly(peers, tried, time) : chargeBound(peers, bound, time);
  }

  /** The peer that the request is bound to, where it can serve it; null for most requests. */
  protected boundPeer(peers: readonly Peer[], tried: Tried | null, time: number): Peer | null {
    const { hint } = this;
    if (hint === null) return null;
    for (const peer of peers) {
      if (peer.sid !== hint) continue;
      return tried?.has(peer) !== true && canServe(peer, time) ? peer : null;
    }
    return null;
  }
}

function pickOnly(peer: Peer | undefined, tried: Tried | null, hint: string | null): Peer | null {
  if (peer === undefined || peer.down || peer.unhealthy || tried?.has(peer) === true) return null;
  if (peer.drain && peer.sid !== hint) return null;
  return peer.maxConns > 0 && peer.connections >= peer.maxConns ? null : peer;
}

/** Gives a peer its credit, and says how much that was. */
export function credit(peer: Peer, time: number): number {
  const { effectiveWeight } = peer;
  const given = peer.slowStart === 0 ? effectiveWeight : effectiveWeight * slowShare(peer, time);
  peer.currentWeight += given;
  if (effectiveWeight < peer.weight) peer.effectiveWeight = effectiveWeight + 1;
  return given;
}

function chooseSmoothly(peers: readonly Peer[], tried: Tried | null, time: number): Peer | null {
  let best: Peer | null = null;
  let total = 0;
  for (const peer of peers) {
    if (!isUsable(peer, time) || (tried !== null && tried.has(peer))) continue;
    total += credit(peer, time);
    if (best === null || peer.currentWeight > best.currentWeight) best = peer;
  }
  if (best !== null) best.currentWeight -= total;
  return best;
}

// Requests that are bound are charged too, so that a server with many of them gets fewer others;
// but only as far as one of them in a row, as in nginx.
function chargeBound(peers: readonly Peer[], bound: Peer, time: number): Peer {
  if (bound.drain) return bound;
  const weights = peers.reduce((sum, peer) => sum + peer.weight, 0);
  if (bound.currentWeight <= bound.weight - weights) return bound;
  let total = 0;
  for (const peer of peers) if (isUsable(peer, time)) total += credit(peer, time);
  bound.currentWeight -= total;
  return bound;
}

/** Round robin needs no directive: it is what a group does that names nothing else. */
export const roundRobin: BalancerRow = {
  name: 'round-robin',
  help: 'Smooth weighted round robin: requests are spread evenly in proportion to the weights.',
  backup: true,
  keyed: false,
  create: (peers, args) => new RoundRobin(peers, args),
};
