// Servers whose TLS identity was refused, for one location. To the balancer, which all locations
// share, such a failure says nothing: a location that trusts the wrong CA must not take a server out
// for the others. Here it counts, by the same max_fails and fail_timeout.

import { Tried } from './balancer.ts';
import type { Peer } from './peer.ts';

interface Refusals {
  fails: number;
  /** When it was last refused, in milliseconds of `now()`. */
  refusedAt: number;
  /** When it was last refused, or was last let through after `failTimeout` had passed since. */
  checkedAt: number;
}

/** The refused servers of one location, in one worker. */
export class RefusalBook {
  /** Null as long as none was refused, which is nearly always. */
  #refused: Map<Peer, Refusals> | null = null;

  get empty(): boolean {
    return this.#refused === null;
  }

  /** Books that a server was refused. */
  refuse(peer: Peer, time: number): void {
    this.#refused ??= new Map();
    const fails = (this.#refused.get(peer)?.fails ?? 0) + 1;
    // Set anew, so that the first of the map is the one refused the longest ago.
    this.#refused.delete(peer);
    this.#refused.set(peer, { fails, refusedAt: time, checkedAt: time });
    if (this.#refused.size > mostRefused) this.#forgetOldest();
  }

  /**
   * Books that a server was accepted. As in nginx its failures are forgotten only when a check came
   * after the last of them.
   */
  accept(peer: Peer): void {
    const refusals = this.#refused?.get(peer);
    if (refusals === undefined || refusals.refusedAt >= refusals.checkedAt) return;
    this.#refused?.delete(peer);
    if (this.#refused?.size === 0) this.#refused = null;
  }

  /**
   * The servers of a group that a request of this location must not get now; null where all may be
   * asked. The only server of a group is always asked (nginx: max_fails is ignored).
   */
  excluded(peers: readonly Peer[], time: number): Tried | null {
    const refused = this.#refused;
    if (refused === null || peers.length < 2) return null;
    let tried: Tried | null = null;
    for (const peer of peers) {
      const refusals = refused.get(peer);
      if (refusals === undefined || !isExcluded(peer, refusals, time)) continue;
      tried ??= new Tried();
      tried.add(peer);
    }
    return tried;
  }

  /** To be called for the server picked: the first one after `failTimeout` is the check. */
  noteChosen(peer: Peer, time: number): void {
    const refusals = this.#refused?.get(peer);
    if (refusals === undefined) return;
    if (time - refusals.checkedAt > peer.failTimeout) refusals.checkedAt = time;
  }

  #forgetOldest(): void {
    const oldest = this.#refused?.keys().next();
    if (oldest?.done === false) this.#refused?.delete(oldest.value);
  }
}

/** Servers may come from variables without a bound. */
const mostRefused = 1024;

function isExcluded(peer: Peer, { fails, checkedAt }: Refusals, time: number): boolean {
  return peer.maxFails > 0 && fails >= peer.maxFails && time - checkedAt <= peer.failTimeout;
}
