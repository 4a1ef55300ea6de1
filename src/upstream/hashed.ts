// What the methods have in common that go from one server to the next by chance or by a hash: a
// number within the sum of all weights stands for a server, up to 20 of those that were drawn may
// turn out to be of no use, and then round robin chooses, as in nginx.

import type { Exchange } from '../exchange/exchange.ts';
import type { Tried } from './balancer.ts';
import { isUsable, noteChosen, type Peer } from './peer.ts';
import { RoundRobin } from './round-robin.ts';

/** Servers of no use that may be drawn before round robin takes over. */
export const mostMisses = 20;

export abstract class Hashed extends RoundRobin {
  override pick(x: Exchange, tried: Tried | null): Peer | null {
    if (this.single || this.totalWeight === 0) return super.pick(x, tried);
    const time = this.clock();
    const peer = this.boundPeer(this.primary, tried, time) ?? this.find(x, tried, time);
    if (peer === null) return super.pick(x, tried);
    noteChosen(peer, time);
    return peer;
  }

  /** Null: round robin is to choose. */
  protected abstract find(x: Exchange, tried: Tried | null, time: number): Peer | null;

  /** @param point - a whole number from 0 to below the sum of all weights */
  protected peerAt(point: number): Peer | null {
    let left = point;
    for (const peer of this.primary) {
      if (left < peer.weight) return peer;
      left -= peer.weight;
    }
    return null;
  }
}

/**
 * Counts the servers of no use that were drawn for one request. A request that is sent again starts
 * from its first draw: the servers that it has been sent to come up once more, which is no miss.
 */
export class Misses {
  #left = mostMisses;
  #known: number;

  constructor(tried: Tried | null) {
    this.#known = tried === null ? 0 : tried.size;
  }

  /** @returns whether there were too many */
  add(peer: Peer | null, tried: Tried | null): boolean {
    if (this.#known > 0 && peer !== null && tried?.has(peer) === true) {
      this.#known -= 1;
      return false;
    }
    this.#left -= 1;
    return this.#left < 0;
  }
}

/** Can the peer that was drawn take the request? */
export function fits(peer: Peer | null, tried: Tried | null, time: number): peer is Peer {
  return peer !== null && tried?.has(peer) !== true && isUsable(peer, time);
}
