// The seam between a group and the way its peers are chosen. A balancer knows nothing of
// connections, pools or retries: it is asked for a peer, and told how it went.

import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { UpstreamTry } from '../exchange/upstream-try.ts';
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

  get size(): number {
    return this.#peers.length;
  }
}

/** Sees the responses of a group: for ways of balancing that learn from them. */
export interface ResponseWatcher {
  /**
   * The head of a response that will be passed on is there, and nothing of it has gone to the
   * client. `attempt.headerTime` is set.
   */
  onHead(x: Exchange, peer: Peer, attempt: UpstreamTry): void;
  /** A request to a peer has ended, and been reported. */
  onEnd(x: Exchange, peer: Peer, ending: { attempt: UpstreamTry; outcome: Outcome }): void;
}

/** Chooses peers. Each worker has its own. */
export interface Balancer {
  /** Null, as for nearly all: responses are of no interest. */
  readonly watcher: ResponseWatcher | null;
  /**
   * The peer for the next attempt, or null where none is live. A peer picked must be reported once.
   *
   * @param tried - peers that this request must not get again, null for none
   */
  pick(x: Exchange, tried: Tried | null): Peer | null;
  /** Ends what `pick` began. */
  report(peer: Peer, outcome: Outcome): void;
}

/** What a balancer is made with. */
export interface BalancerArguments {
  /** The directive's arguments, the key excluded. */
  readonly words: readonly string[];
  /** What requests are told apart by; null where the method takes none. */
  readonly key: Template | null;
  /** Milliseconds; default: the time of the current turn. */
  readonly clock?: () => number;
}

/** One way of balancing. */
export interface BalancerRow {
  /** As its file is called. */
  readonly name: string;
  readonly help: string;
  /** May servers of its groups be marked `backup`? */
  readonly backup: boolean;
  /** Is its first argument a key made of variables? */
  readonly keyed: boolean;
  /** @param peers - all peers of the group, backups included, in the order of the configuration */
  create(peers: readonly Peer[], args: BalancerArguments): BoundBalancer;
}

/** A balancer that takes a request to the server that it is bound to, where that can serve it. */
export interface BoundBalancer extends Balancer {
  /** `sid` of a peer that the next pick is to give; null for none. Set anew before each pick. */
  hint: string | null;
}
