// `random`: a server by chance, by the weights. With `two`, two servers are drawn and the better one
// is taken: the one with fewer requests under way, or with the shorter time. That comes close to the
// best of all without looking at all, and workers that know nothing of each other don't all run to
// the same server.

import type { Exchange } from '../exchange/exchange.ts';
import type { BalancerArguments, BalancerRow, Tried } from './balancer.ts';
import { fits, Hashed, mostMisses } from './hashed.ts';
import { compareLoad } from './least-conn.ts';
import { compareTimes, timesOf, TimeKeeper } from './response-times.ts';
import type { Peer } from './peer.ts';

type Compare = (one: Peer, other: Peer, time: number) => number;

export class Random extends Hashed {
  override readonly watcher: TimeKeeper | null;
  /** Null: one draw decides. */
  readonly #compare: Compare | null;

  constructor(peers: readonly Peer[], args: BalancerArguments) {
    super(peers, args);
    const [two, method] = args.words;
    const mode = method === undefined ? null : timesOf(method.slice('least_time='.length));
    this.watcher = mode === null ? null : new TimeKeeper(mode, this.clock);
    if (two === undefined) this.#compare = null;
    else this.#compare = mode === null ? compareLoad : compareTimes(mode);
  }

  protected override find(_x: Exchange, tried: Tried | null, time: number): Peer | null {
    const compare = this.#compare;
    let first: Peer | null = null;
    for (let misses = 0; misses <= mostMisses;) {
      const peer = this.peerAt(Math.floor(Math.random() * this.totalWeight));
      if (peer === first || !fits(peer, tried, time)) {
        misses += 1;
      } else if (compare === null) {
        return peer;
      } else if (first === null) {
        first = peer;
      } else {
        return compare(peer, first, time) > 0 ? first : peer;
      }
    }
    return null;
  }
}

export const random: BalancerRow = {
  name: 'random',
  help: 'A server by chance; with "two", the better one of two.',
  backup: false,
  keyed: false,
  create: (peers, args) => new Random(peers, args),
};
