// `least_time`: the server that is likely to be through first, by how long its responses took and
// how many requests it has under way. Among several alike round robin decides.

import type { Exchange } from '../exchange/exchange.ts';
import type { BalancerArguments, BalancerRow, Tried } from './balancer.ts';
import { chooseLeast } from './least-conn.ts';
import { isUsable, type Peer } from './peer.ts';
import { compareTimes, noteWaiting, TimeKeeper, timesOf, type TimeMode } from './response-times.ts';
import { RoundRobin } from './round-robin.ts';

const byHeader: TimeMode = { header: true, inflight: false };

export class LeastTime extends RoundRobin {
  override readonly watcher: TimeKeeper;
  readonly #mode: TimeMode;
  readonly #compare: (one: Peer, other: Peer, time: number) => number;

  constructor(peers: readonly Peer[], args: BalancerArguments) {
    super(peers, args);
    const [which = 'header', inflight] = args.words;
    this.#mode = timesOf(which, inflight === 'inflight') ?? byHeader;
    this.watcher = new TimeKeeper(this.#mode, this.clock);
    this.#compare = compareTimes(this.#mode);
  }

  override pick(x: Exchange, tried: Tried | null): Peer | null {
    const peer = super.pick(x, tried);
    if (peer !== null) this.watcher.begin(peer);
    return peer;
  }

  protected override choose(
    peers: readonly Peer[],
    tried: Tried | null,
    time: number,
  ): Peer | null {
    const bound = this.boundPeer(peers, tried, time);
    if (bound !== null) return bound;
    if (this.#mode.inflight) {
      for (const peer of peers) if (isUsable(peer, time)) noteWaiting(peer, time);
    }
    return chooseLeast(peers, tried, time, this.#compare);
  }
}

export const leastTime: BalancerRow = {
  name: 'least-time',
  help: 'The server that is likely to be through first, by the times that its responses took.',
  backup: true,
  keyed: false,
  create: (peers, args) => new LeastTime(peers, args),
};
