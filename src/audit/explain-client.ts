// The client of a request that nobody has sent: takes the answer, keeps its head, and tells when it
// is over.

import { now } from '../base/clock.ts';
import type { ClientTls, FirstPart } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { locationOf } from '../server/phases.ts';
import { composeResponseHead } from '../server/response-head.ts';
import type { ChosenHost } from '../server/router.ts';
import { SilentClient } from '../server/silent-client.ts';
import type { Port } from '../server/virtual-server.ts';

/** Where its connection comes in. */
export interface ExplainedConnection {
  readonly port: Port;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly tls: ClientTls | null;
  /** By which rules the certificate was judged. */
  readonly policyKey: string;
}

/** As much of a client connection as the router and the phases look at. */
export class ExplainClient extends SilentClient {
  // For the router.
  readonly host: { readonly port: Port };
  readonly policyKey: string;
  lastHost: ChosenHost | null = null;
  /** Of the answer; empty before it. */
  head = '';
  readonly over: Promise<void>;
  readonly #end: () => void;

  constructor({ port, policyKey, ...facts }: ExplainedConnection) {
    super({ id: 1, startedAt: now(), requests: 1, remotePort: 50_000, proxied: null, ...facts });
    this.host = { port };
    this.policyKey = policyKey;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
  }

  override filterHead(x: Exchange): void {
    x.headFiltered = true;
    for (const filter of locationOf(x).headerFilters) filter(x);
  }

  // A body that does not come with the head is of no interest: it may be a file of any size.
  override sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean {
    if (!x.headFiltered) this.filterHead(x);
    this.head = composeResponseHead(x, locationOf(x));
    x.headSent = true;
    x.bytesSent += this.head.length + (first?.length ?? 0);
    x.bodyBytesSent += first?.length ?? 0;
    done?.();
    if (last) this.endBody(x);
    else setImmediate(() => this.#abandon(x));
    return true;
  }

  override endBody(x: Exchange): void {
    x.completed = true;
    this.abortBody(x);
  }

  override abortBody(x: Exchange): void {
    if (this.finish(x)) this.#end();
  }

  #abandon(x: Exchange): void {
    if (x.finished) return;
    this.letGo(x);
    this.abortBody(x);
  }
}
