// nginx's smooth weighted round robin. Each pick gives every usable peer its effective weight as
// credit, takes the richest, and charges it the sum of what was given: with weights 5, 1 and 1
// that is a a b a c a a, not five times a in a row. A failure lowers the effective weight at once;
// each pick gives one back.

import { now } from '../base/clock.ts';
import type { Balancer, BalancerRow, Outcome, Tried } from './balancer.ts';
import { countFailure, countSuccess, isUsable, noteChosen, type Peer } from './peer.ts';

/** Smooth weighted round robin over the primary peers, and over the backups when none is usable. */
export class RoundRobin implements Balancer {
  readonly #primary: readonly Peer[];
  readonly #backup: readonly Peer[];
  /** The only server of a group is never left out for failures (nginx: max_fails is ignored). */
  readonly #single: boolean;
  readonly #clock: () => number;

  /**
   * @param peers - in the order of the configuration
   * @param clock - milliseconds; default: the time of the current turn
   */
  constructor(peers: readonly Peer[], clock: () => number = now) {
    this.#primary = peers.filter((peer) => !peer.backup);
    this.#backup = peers.filter((peer) => peer.backup);
    this.#single = peers.length === 1;
    this.#clock = clock;
  }

  pick(tried: Tried | null): Peer | null {
    const time = this.#clock();
    const peer = this.#single
      ? pickOnly(this.#primary[0] ?? this.#backup[0], tried)
      : (pickSmooth(this.#primary, tried, time) ?? pickSmooth(this.#backup, tried, time));
    if (peer !== null) noteChosen(peer, time);
    return peer;
  }

  report(peer: Peer, outcome: Outcome): void {
    peer.connections -= 1;
    if (this.#single || outcome === 'neutral') return;
    if (outcome === 'ok') {
      countSuccess(peer);
      return;
    }
    countFailure(peer, this.#clock());
    if (peer.maxFails > 0) {
      const lowered = peer.effectiveWeight - Math.floor(peer.weight / peer.maxFails);
      peer.effectiveWeight = Math.max(0, lowered);
    }
  }
}

function pickOnly(peer: Peer | undefined, tried: Tried | null): Peer | null {
  if (peer === undefined || peer.down || tried?.has(peer) === true) return null;
  return peer.maxConns > 0 && peer.connections >= peer.maxConns ? null : peer;
}

function pickSmooth(peers: readonly Peer[], tried: Tried | null, time: number): Peer | null {
  let best: Peer | null = null;
  let total = 0;
  for (const peer of peers) {
    if (!isUsable(peer, time) || (tried !== null && tried.has(peer))) continue;
    peer.currentWeight += peer.effectiveWeight;
    total += peer.effectiveWeight;
    if (peer.effectiveWeight < peer.weight) peer.effectiveWeight += 1;
    if (best === null || peer.currentWeight > best.currentWeight) best = peer;
  }
  if (best !== null) best.currentWeight -= total;
  return best;
}

/** Round robin needs no directive: it is what a group does that names nothing else. */
export const roundRobin: BalancerRow = {
  name: 'round_robin',
  help: 'Smooth weighted round robin: requests are spread evenly in proportion to the weights.',
  create: (peers) => new RoundRobin(peers),
};
