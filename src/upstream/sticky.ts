// `sticky`: requests that belong together go to one server. What binds a request, a cookie, a route
// or a session that was learnt, is turned into the id of a server, which the method of the group
// gives where it can serve; if not, it chooses as ever.

import type { Exchange } from '../exchange/exchange.ts';
import type { UpstreamTry } from '../exchange/upstream-try.ts';
import type { BoundBalancer, Balancer, Outcome, ResponseWatcher, Tried } from './balancer.ts';
import type { Peer } from './peer.ts';

/** One way of binding requests to servers. */
export interface Binding {
  /** `sid` of the server that a request is bound to; null for none. */
  lookup(x: Exchange): string | null;
  /** The server has answered: the client may be told, or the session be learnt. */
  onHead(x: Exchange, sid: string): void;
  /** The response has ended, and not badly. */
  onEnd(x: Exchange, sid: string): void;
}

export class Sticky implements Balancer, ResponseWatcher {
  readonly watcher: ResponseWatcher = this;
  readonly #inner: BoundBalancer;
  readonly #binding: Binding;

  constructor(inner: BoundBalancer, binding: Binding) {
    this.#inner = inner;
    this.#binding = binding;
  }

  pick(x: Exchange, tried: Tried | null): Peer | null {
    const inner = this.#inner;
    inner.hint = this.#binding.lookup(x);
    const peer = inner.pick(x, tried);
    inner.hint = null;
    return peer;
  }

  report(peer: Peer, outcome: Outcome): void {
    this.#inner.report(peer, outcome);
  }

  onHead(x: Exchange, peer: Peer, attempt: UpstreamTry): void {
    this.#inner.watcher?.onHead(x, peer, attempt);
    this.#binding.onHead(x, peer.sid);
  }

  onEnd(x: Exchange, peer: Peer, ending: { attempt: UpstreamTry; outcome: Outcome }): void {
    this.#inner.watcher?.onEnd(x, peer, ending);
    if (ending.outcome !== 'failed' && ending.attempt.accepted) this.#binding.onEnd(x, peer.sid);
  }
}
