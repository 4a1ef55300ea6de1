// The client's side of an exchange that no client waits for: subrequests, what follows a request
// (`post_action`), and requests that are only explained. It has no body to give but a stored one,
// takes an answer at any speed, and no tunnel is ever asked for, as there is no Upgrade.

import type {
  BodySink,
  ClientConnectionFacts,
  ClientTls,
  Downstream,
  FirstPart,
  TunnelEnd,
} from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ProxyHeader } from '../http1/proxy-protocol.ts';
import { logExchange, releaseExchange } from './exchange-end.ts';
import { guarded, serverOf } from './phases.ts';
import type { Unattended } from './unattended.ts';

/** A client of one exchange. */
export abstract class SilentClient implements Downstream, Unattended {
  readonly id: number;
  readonly startedAt: number;
  requests: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: ClientTls | null;
  readonly proxied: ProxyHeader | null;
  readonly unsent = 0;
  #exchange: Exchange | null = null;

  /** @param facts - of the connection that it stands for */
  constructor(facts: ClientConnectionFacts) {
    this.id = facts.id;
    this.startedAt = facts.startedAt;
    this.requests = facts.requests;
    this.remoteAddress = facts.remoteAddress;
    this.remotePort = facts.remotePort;
    this.localAddress = facts.localAddress;
    this.localPort = facts.localPort;
    this.tls = facts.tls;
    this.proxied = facts.proxied;
  }

  /** Until `finish` it counts as work of its snapshot. */
  begin(x: Exchange): void {
    this.#exchange = x;
    serverOf(x).unattended.begin(this);
  }

  drop(): void {
    if (this.#exchange !== null) this.abandon(this.#exchange);
  }

  /** Ends it, since nobody wants the rest. Who waits for the answer is not told. */
  abandon(x: Exchange): void {
    if (x.finished) return;
    if (!x.headSent) x.status = 499;
    this.letGo(x);
    this.finish(x);
  }

  abstract sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean;
  abstract endBody(x: Exchange): void;
  abstract abortBody(x: Exchange): void;

  /**
   * Ends an exchange: once, whoever comes first.
   *
   * @returns false where it was over already
   */
  protected finish(x: Exchange): boolean {
    if (x.finished) return false;
    x.finished = true;
    x.owner = null;
    if (this.isLogged(x)) logExchange(x);
    releaseExchange(x);
    if (this.#exchange !== null) serverOf(this.#exchange).unattended.end(this);
    return true;
  }

  /** Is it written to its logs? */
  protected isLogged(_x: Exchange): boolean {
    return true;
  }

  /** Tells the content handler that nobody wants the rest. */
  protected letGo(x: Exchange): void {
    const { owner } = x;
    x.owner = null;
    if (owner !== null) guarded(x, () => owner.onClientAborted());
  }

  readBody(_x: Exchange, sink: BodySink): void {
    sink.onBodyEnd();
  }

  pauseBody(): void {}

  holdBody(): void {}

  resumeBody(): void {}

  sendContinue(): void {}

  sendInterim(): void {}

  // Header filters are for clients, and so are parts of files.
  filterHead(x: Exchange): void {
    x.headFiltered = true;
    x.allowRanges = false;
  }

  sendBody(_x: Exchange, _chunk: Buffer, done: (() => void) | null): boolean {
    done?.();
    return true;
  }

  startTunnel(_x: Exchange, _end: TunnelEnd): Buffer | null {
    return null;
  }

  writeTunnel(): boolean {
    return true;
  }

  endTunnel(): void {}

  closeTunnel(x: Exchange): void {
    this.abortBody(x);
  }

  pauseTunnel(): void {}

  resumeTunnel(): void {}
}
