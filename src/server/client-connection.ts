// One client connection. client-reader.ts starts exchanges one at a time, client-responder.ts writes
// their responses; here is its life: kept alive, upgraded, timed out, lingered over, closed.
//
//   idle ──bytes──▶ head ──complete──▶ busy ◀──▶ body         (busy: the exchange is under way)
//    ▲                                  │
//    └───────── keepalive ──────────────┤── upgrade ──▶ tunnel
//                                       └── close ──▶ lingering ──▶ closed

import { now } from '../base/clock.ts';
import type { TunnelEnd } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { noBytes, State, Waiting } from './client-reader.ts';
import { ClientResponder } from './client-responder.ts';
import { logExchange, releaseExchange } from './exchange-end.ts';
import { guarded, locationOf } from './phases.ts';
import { hasPostAction, startPostAction } from './post-action.ts';
import { logError } from './request-log.ts';
import { keepBytes } from './shared-reads.ts';
import { policyOfHandshake, serverOfHandshake } from './virtual-server.ts';

/** How long after a connection is made its first request is waited for at shutdown. */
const firstRequestMs = 1_000;

export class ClientConnection extends ClientResponder {
  /** When the last response was complete. */
  protected idleSince = 0;

  /** Is it between two requests, so that it may be closed without loss? */
  get idle(): boolean {
    return this.state === State.idle && this.input.length === 0;
  }

  /** Of an idle connection: since when. */
  get quietSince(): number {
    return Math.max(this.idleSince, this.startedAt);
  }

  /** The request that is being answered, also one that became a tunnel. */
  get underWay(): Exchange | null {
    return this.exchange;
  }

  /**
   * After a change of configuration: where clients are judged by other rules now (another CA,
   * another revocation list), this one makes no further request without a new handshake.
   */
  reconsider(): void {
    if (this.tls === null || this.closed) return;
    const { port } = this.host;
    const policy = policyOfHandshake(port, serverOfHandshake(port, this.tls.serverName));
    if (policy?.clientVerificationKey === this.policyKey) return;
    this.outdated = true;
    this.closeIdle();
  }

  protected override complete(x: Exchange): void {
    x.completed = true;
    this.finish(x);
    if (this.closed) return;
    if (!x.keepAlive) this.endConnection();
    else if (this.socket.writableNeedDrain) this.waitForDrain();
    else this.goOn();
  }

  // Closing with input that was not read would reset the connection, and the client could lose the
  // response: `lingering_close`.
  protected endConnection(): void {
    const { lingeringClose } = this.clientSettings;
    const maySendMore = !this.body.ended || this.input.length > 0 || this.headRefused;
    if (lingeringClose === 'always' || (lingeringClose === 'on' && maySendMore)) this.linger();
    else this.closeSoon();
  }

  protected goOn(): void {
    if (this.body.ended) this.nextRequest();
    else this.discardBody();
  }

  // The response is out but the client still sends: its body is read and thrown away, for as long
  // as the lingering timeouts allow, so that the next request can be found.
  protected discardBody(): void {
    this.sink = null;
    this.lingerUntil = now() + this.clientSettings.lingeringTime;
    this.wait(Waiting.lingering, this.clientSettings.lingeringTimeout);
    if (this.bodyPaused) this.bodyPaused = false;
    this.socket.resume();
    this.process();
  }

  protected override nextRequest(): void {
    this.state = State.idle;
    this.idleSince = now();
    this.pipelined = this.input.length > 0;
    if (this.ended && this.input.length === 0) {
      this.closeSoon();
      return;
    }
    if (this.socket.isPaused()) this.socket.resume();
    if (this.input.length > 0) {
      this.process();
      return;
    }
    if (this.host.draining || this.outdated) {
      this.closeIdle();
      return;
    }
    const { keepaliveTimeout, keepaliveMinTimeout } = this.clientSettings;
    this.wait(Waiting.keepalive, Math.max(keepaliveTimeout, keepaliveMinTimeout));
  }

  // Sends FIN and reads on for a while.
  protected linger(): void {
    this.leave();
    if (this.ended) {
      this.closeSoon();
      return;
    }
    this.state = State.lingering;
    this.input = noBytes;
    this.lingerUntil = now() + this.clientSettings.lingeringTime;
    const unsent = this.socket.writableLength > 0;
    if (unsent) this.waitForDrain();
    this.socket.end(unsent ? this.onSent : undefined);
    this.socket.resume();
    if (!unsent) this.wait(Waiting.lingering, this.clientSettings.lingeringTimeout);
  }

  protected readonly onSent = (): void => {
    if (this.waiting === Waiting.send)
      this.wait(Waiting.lingering, this.clientSettings.lingeringTimeout);
  };

  // What is written leaves first, for as long as the client goes on reading.
  protected closeSoon(): void {
    this.leave();
    this.state = State.lingering;
    this.input = noBytes;
    this.waitForDrain();
    this.socket.destroySoon();
  }

  protected override finish(x: Exchange): void {
    if (x.finished) return;
    x.finished = true;
    x.owner = null;
    this.pipeline?.close();
    this.pipeline = null;
    this.pacer = null;
    this.exchange = null;
    this.sink = null;
    this.settings = locationOf(x).client;
    if (hasPostAction(x)) startPostAction(x);
    else logExchange(x);
    this.host.counters.ended();
    releaseExchange(x);
  }

  // ---- tunnels

  override startTunnel(x: Exchange, end: TunnelEnd): Buffer | null {
    this.state = State.tunnel;
    this.tunnel = end;
    this.stopWaiting();
    x.keepAlive = false;
    const early = this.input;
    this.input = noBytes;
    this.socket.resume();
    return early.length === 0 ? null : keepBytes(early);
  }

  override writeTunnel(chunk: Buffer, sent?: (error?: Error | null) => void): boolean {
    const x = this.exchange;
    if (x !== null) {
      x.bytesSent += chunk.length;
      x.bodyBytesSent += chunk.length;
    }
    return this.closed || this.socket.write(chunk, sent);
  }

  override endTunnel(): void {
    if (!this.closed) this.socket.end();
  }

  override closeTunnel(x: Exchange): void {
    this.tunnel = null;
    x.completed = true;
    this.finish(x);
    if (!this.closed) this.closeSoon();
  }

  override pauseTunnel(): void {
    this.socket.pause();
  }

  override resumeTunnel(): void {
    this.socket.resume();
  }

  // ---- events and time

  protected override onDrain(): void {
    if (this.waiting === Waiting.send) this.stopWaiting();
    if (this.state === State.tunnel) {
      this.tunnel?.onTunnelDrain();
      return;
    }
    const x = this.exchange;
    if (x !== null) {
      this.drained(x);
      return;
    }
    if (this.state === State.busy) this.goOn();
  }

  protected override onEnd(): void {
    this.ended = true;
    if (this.state === State.tunnel) {
      this.tunnel?.onTunnelEnd();
      return;
    }
    const x = this.exchange;
    if (x !== null) {
      // The body was not complete, or nobody is left to read the answer.
      if (!this.survivesAbort(x)) this.abandon(x);
    } else if (this.state !== State.busy || !this.body.ended) this.closeSoon();
  }

  // What is asked for must be known, and the body that belongs to it.
  protected survivesAbort(x: Exchange): boolean {
    return x.owner?.survivesAbort === true && this.body.ended;
  }

  protected override onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.state = State.closed;
    this.timer.disarm();
    if (this.partial) this.dropPartial();
    const tunnel = this.tunnel;
    this.tunnel = null;
    tunnel?.onTunnelClosed();
    const x = this.exchange;
    if (x !== null && !this.survivesAbort(x)) this.abandon(x);
    // Who goes on without the client must not wait until it reads.
    else if (x !== null) this.drained(x);
    this.socket.destroy();
    this.raw.destroy();
    this.host.onClosed(this);
  }

  protected abandon(x: Exchange): void {
    const { owner } = x;
    if (!x.headSent) x.status = 499;
    x.keepAlive = false;
    x.owner = null;
    if (owner !== null) guarded(x, () => owner.onClientAborted());
    this.finish(x);
    this.destroy();
  }

  protected override onTimer(): void {
    const waiting = this.waiting;
    this.waiting = Waiting.nothing;
    const x = this.exchange;
    if (waiting === Waiting.body && x !== null) {
      this.timedOut = true;
      if (this.clientSettings.resetTimedOut) this.dropSlow(x);
      else this.failBody(408, 'client timed out sending its body (client_body_timeout)');
      return;
    }
    if (waiting === Waiting.send && this.socket.writableLength < this.unsentBefore) {
      this.waitForDrain();
      return;
    }
    if (waiting === Waiting.send && x !== null) {
      logError(x, 'info', 'client timed out taking the response (send_timeout)');
      this.timedOut = true;
      this.abandon(x);
      return;
    }
    if (waiting === Waiting.head && this.state === State.head) this.rejectSlowHead();
    else if (waiting === Waiting.keepalive) this.closeSoon();
    else this.destroy();
  }

  // The request that had begun counts as one.
  protected dropPartial(): void {
    this.countPartial(false);
    this.host.counters.started();
    this.host.counters.ended();
  }

  // A reset would take the answer with it.
  protected dropSlow(x: Exchange): void {
    const { owner } = x;
    logError(x, 'info', 'client timed out sending its body (client_body_timeout)');
    x.owner = null;
    if (owner !== null) guarded(x, () => owner.onClientAborted());
    x.status = 408;
    this.abortBody(x);
  }

  protected rejectSlowHead(): void {
    this.head.reset();
    if (this.partial) this.countPartial(false);
    const x = this.newExchange();
    x.status = 408;
    this.timedOut = true;
    this.abortBody(x);
  }

  /**
   * Closes it if nothing is under way; for keepalive connections at shutdown. `keepalive_min_timeout`
   * gives those a little time that may just be sent another request. At shutdown a new connection
   * has some in any case: nobody connects without a request to send.
   *
   * @returns false where it stays open for now
   */
  closeIdle(): boolean {
    if (!this.idle) return false;
    const fresh = this.host.draining && this.idleSince === 0;
    const end = fresh
      ? this.startedAt + firstRequestMs
      : this.idleSince + this.clientSettings.keepaliveMinTimeout;
    const rest = end - now();
    if (rest > 0 && !this.outdated) {
      this.wait(Waiting.keepalive, rest);
      return false;
    }
    this.closeSoon();
    return true;
  }

  override destroy(): void {
    this.leave();
    if (this.timedOut && !this.closed && this.clientSettings.resetTimedOut) {
      this.raw.resetAndDestroy();
    }
    this.socket.destroy();
    this.raw.destroy();
    this.onClose();
  }
}
