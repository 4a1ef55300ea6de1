// A balancer whose peers are in shared memory: each step is made under the zone's lock, so that what
// it has read of a peer still holds when it decides.

import type { Exchange } from '../exchange/exchange.ts';
import type { UpstreamTry } from '../exchange/upstream-try.ts';
import type { Balancer, Outcome, ResponseWatcher, Tried } from './balancer.ts';
import type { PeerZone } from './peer-zone.ts';
import type { Peer } from './peer.ts';

export class ZonedBalancer implements Balancer {
  readonly watcher: ResponseWatcher | null;
  readonly #inner: Balancer;
  readonly #zone: PeerZone;

  constructor(inner: Balancer, zone: PeerZone) {
    this.#inner = inner;
    this.#zone = zone;
    this.watcher = inner.watcher === null ? null : new ZonedWatcher(inner.watcher, zone);
  }

  pick(x: Exchange, tried: Tried | null): Peer | null {
    this.#zone.lock();
    try {
      return this.#inner.pick(x, tried);
    } finally {
      this.#zone.unlock();
    }
  }

  report(peer: Peer, outcome: Outcome): void {
    this.#zone.lock();
    try {
      this.#inner.report(peer, outcome);
    } finally {
      this.#zone.unlock();
    }
  }
}

class ZonedWatcher implements ResponseWatcher {
  readonly #inner: ResponseWatcher;
  readonly #zone: PeerZone;

  constructor(inner: ResponseWatcher, zone: PeerZone) {
    this.#inner = inner;
    this.#zone = zone;
  }

  onHead(x: Exchange, peer: Peer, attempt: UpstreamTry): void {
    this.#zone.lock();
    try {
      this.#inner.onHead(x, peer, attempt);
    } finally {
      this.#zone.unlock();
    }
  }

  onEnd(x: Exchange, peer: Peer, ending: { attempt: UpstreamTry; outcome: Outcome }): void {
    this.#zone.lock();
    try {
      this.#inner.onEnd(x, peer, ending);
    } finally {
      this.#zone.unlock();
    }
  }
}
