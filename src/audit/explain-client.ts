// The client of a request that nobody has sent: takes the answer, keeps its head, and tells when it
// is over.

import { now } from '../base/clock.ts';
import type {
  BodySink,
  ClientTls,
  Downstream,
  FirstPart,
  TunnelEnd,
} from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { logExchange, releaseExchange } from '../server/exchange-end.ts';
import { guarded, locationOf } from '../server/phases.ts';
import { composeResponseHead } from '../server/response-head.ts';
import type { ChosenHost } from '../server/router.ts';
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
export class ExplainClient implements Downstream {
  readonly id = 1;
  readonly startedAt: number = now();
  requests = 1;
  readonly remoteAddress: string;
  readonly remotePort = 50_000;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: ClientTls | null;
  readonly proxied = null;
  readonly unsent = 0;
  // For the router.
  readonly host: { readonly port: Port };
  readonly policyKey: string;
  lastHost: ChosenHost | null = null;
  /** Of the answer; empty before it. */
  head = '';
  readonly over: Promise<void>;
  readonly #end: () => void;

  constructor(connection: ExplainedConnection) {
    const { port, localAddress, localPort, remoteAddress, tls, policyKey } = connection;
    this.host = { port };
    this.localAddress = localAddress;
    this.localPort = localPort;
    this.remoteAddress = remoteAddress;
    this.tls = tls;
    this.policyKey = policyKey;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
  }

  readBody(_x: Exchange, sink: BodySink): void {
    sink.onBodyEnd();
  }

  pauseBody(): void {}

  resumeBody(): void {}

  sendContinue(): void {}

  sendInterim(): void {}

  filterHead(x: Exchange): void {
    x.headFiltered = true;
    for (const filter of locationOf(x).headerFilters) filter(x);
  }

  // A body that does not come with the head is of no interest: it may be a file of any size.
  sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean {
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

  sendBody(_x: Exchange, _chunk: Buffer, done: (() => void) | null): boolean {
    done?.();
    return true;
  }

  endBody(x: Exchange): void {
    x.completed = true;
    this.#finish(x);
  }

  abortBody(x: Exchange): void {
    this.#finish(x);
  }

  #abandon(x: Exchange): void {
    const { owner } = x;
    x.owner = null;
    if (owner !== null && !x.finished) guarded(x, () => owner.onClientAborted());
    this.#finish(x);
  }

  #finish(x: Exchange): void {
    if (x.finished) return;
    x.finished = true;
    x.owner = null;
    logExchange(x);
    releaseExchange(x);
    this.#end();
  }

  startTunnel(_x: Exchange, _end: TunnelEnd): Buffer | null {
    return null;
  }

  writeTunnel(): boolean {
    return true;
  }

  endTunnel(): void {}

  closeTunnel(x: Exchange): void {
    this.#finish(x);
  }

  pauseTunnel(): void {}

  resumeTunnel(): void {}
}
