// The seam between a group and the way its peers are chosen. A balancer knows nothing of
// connections, pools or retries: it is asked for a peer, and told how it went.

import type { Peer } from './peer.ts';

/**
 * How a request to a peer ended. `ok`: the peer answered; `failed`: it counts against max_fails;
 * `neutral`: says nothing about the peer (the client went away, a pooled connection had expired).
 */
export type Outcome = 'ok' | 'failed' | 'neutral';

/**
 * The peers that a request has been sent to already. Most requests need none, so callers pass null
 * for the first pick and make one when they retry.
 */
export class Tried {
  readonly #peers: Peer[] = [];

  add(peer: Peer): void {
    this.#peers.push(peer);
  }

  has(peer: Peer): boolean {
    return this.#peers.includes(peer);
  }
}

/** Chooses peers. Each worker has its own. */
export interface Balancer {
  /**
   * The peer for the next attempt, or null where none is live. A peer picked must be reported once.
   *
   * @param tried - peers that this request must not get again, null for none
   */
  pick(tried: Tried | null): Peer | null;
  /** Ends what `pick` began. */
  report(peer: Peer, outcome: Outcome): void;
}

/** One way of balancing. */
export interface BalancerRow {
  /** As the directive that selects it is called; round robin needs none. */
  readonly name: string;
  readonly help: string;
  /**
   * @param peers - all peers of the group, backups included, in the order of the configuration
   * @param args - the directive's arguments
   */
  create(peers: readonly Peer[], args: readonly string[]): Balancer;
}
