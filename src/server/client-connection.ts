// One client connection. The reading half (client-reader.ts) starts exchanges one at a time; this
// half writes their responses, and keeps the connection alive or closes it.
//
//   idle ──bytes──▶ head ──complete──▶ busy ◀──▶ body         (busy: the exchange is under way)
//    ▲                                  │
//    └───────── keepalive ──────────────┤── upgrade ──▶ tunnel
//                                       └── close ──▶ lingering ──▶ closed

import { now } from '../base/clock.ts';
import type { FirstPart, TunnelEnd } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ClientReader, noBytes, State, Waiting } from './client-reader.ts';
import { failInternally, guarded, locationOf } from './phases.ts';
import { logError } from './request-log.ts';
import { composeResponseHead, isBodyless } from './response-head.ts';
import { writeBody, writeHeadAlone, writeHeadAndBody, writeLastChunk } from './response-writer.ts';

export class ClientConnection extends ClientReader {
  /** Is it between two requests, so that it may be closed without loss? */
  get idle(): boolean {
    return this.state === State.idle && this.input.length === 0;
  }

  override get unsent(): number {
    return this.socket.writableLength;
  }

  get busy(): boolean {
    return this.exchange !== null || this.state === State.tunnel;
  }

  // ---- writing

  override sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean {
    const location = locationOf(x);
    for (const filter of location.headerFilters) filter(x);
    this.decideKeepAlive(x);
    const head = composeResponseHead(x, location);
    x.headSent = true;
    x.bytesSent += head.length;
    if (this.closed) {
      done?.();
      if (last) this.complete(x);
      return true;
    }
    const withoutBody = x.method === 'HEAD' || isBodyless(x.status);
    let ready: boolean;
    if (first === null || first.length === 0 || withoutBody) {
      done?.();
      ready = writeHeadAlone(this.socket, x, head, last);
    } else {
      ready = writeHeadAndBody(this.socket, x, head, { bytes: first, last, done });
    }
    if (last) this.complete(x);
    else if (!ready) this.waitForDrain();
    return ready;
  }

  override sendBody(x: Exchange, chunk: Buffer, done: (() => void) | null): boolean {
    if (this.closed || x.method === 'HEAD' || isBodyless(x.status)) {
      done?.();
      return true;
    }
    const ready = writeBody(this.socket, x, chunk, done ?? undefined);
    if (!ready) this.waitForDrain();
    return ready;
  }

  override endBody(x: Exchange): void {
    if (x.chunked && !this.closed) writeLastChunk(this.socket, x);
    this.complete(x);
  }

  override abortBody(x: Exchange): void {
    x.keepAlive = false;
    const unframed = x.headSent && !x.chunked && x.contentLength < 0;
    this.finish(x);
    // Without framing a FIN would look like the end of the body; a reset does not. Over TLS it is
    // the missing close_notify that tells, but few clients look.
    if (unframed && !this.closed) this.raw.resetAndDestroy();
    this.destroy();
  }

  protected decideKeepAlive(x: Exchange): void {
    if (!x.keepAlive) return;
    const { client } = locationOf(x);
    x.keepAlive =
      client.keepaliveTimeout > 0 &&
      this.requests < client.keepaliveRequests &&
      !this.ended &&
      !this.host.draining &&
      now() - this.startedAt < client.keepaliveTime &&
      // A body that the client holds back until "100 Continue" may never come.
      !(this.mustContinue && !this.body.ended);
  }

  protected complete(x: Exchange): void {
    x.completed = true;
    this.finish(x);
    if (this.closed) return;
    if (!x.keepAlive) this.linger();
    else if (this.socket.writableNeedDrain) this.waitForDrain();
    else this.goOn();
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
    if (this.ended && this.input.length === 0) {
      this.closeSoon();
      return;
    }
    if (this.socket.isPaused()) this.socket.resume();
    if (this.input.length > 0) {
      this.process();
      return;
    }
    if (this.host.draining) {
      this.closeIdle();
      return;
    }
    this.wait(Waiting.keepalive, this.clientSettings.keepaliveTimeout);
  }

  // Sends FIN and reads on for a while: closing with unread input would reset the connection, and
  // the client could lose the response (nginx: lingering_close).
  protected linger(): void {
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
    this.state = State.lingering;
    this.input = noBytes;
    this.waitForDrain();
    this.socket.destroySoon();
  }

  protected finish(x: Exchange): void {
    if (x.finished) return;
    x.finished = true;
    x.owner = null;
    x.storedBody?.close();
    this.exchange = null;
    this.sink = null;
    const location = locationOf(x);
    this.settings = location.client;
    for (const log of location.logHandlers) {
      try {
        log(x);
      } catch (thrown) {
        failInternally(x, thrown);
      }
    }
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
    return early.length === 0 ? null : early;
  }

  override writeTunnel(chunk: Buffer): boolean {
    const x = this.exchange;
    if (x !== null) {
      x.bytesSent += chunk.length;
      x.bodyBytesSent += chunk.length;
    }
    return this.closed || this.socket.write(chunk);
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

  protected drained(x: Exchange): void {
    const { owner } = x;
    if (owner !== null) guarded(x, () => owner.onClientDrain());
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
      this.failBody(408, 'client timed out sending its body (client_body_timeout)');
      return;
    }
    if (waiting === Waiting.send && this.socket.writableLength < this.unsentBefore) {
      this.waitForDrain();
      return;
    }
    if (waiting === Waiting.send && x !== null) {
      logError(x, 'info', 'client timed out taking the response (send_timeout)');
      this.abandon(x);
      return;
    }
    if (waiting === Waiting.head && this.state === State.head) this.rejectSlowHead();
    else if (waiting === Waiting.keepalive) this.closeSoon();
    else this.destroy();
  }

  protected rejectSlowHead(): void {
    this.head.reset();
    const x = this.newExchange();
    x.status = 408;
    this.abortBody(x);
  }

  /** Closes it if nothing is under way; for keepalive connections at shutdown. */
  closeIdle(): void {
    if (this.idle) this.closeSoon();
  }

  override destroy(): void {
    this.socket.destroy();
    this.raw.destroy();
    this.onClose();
  }
}
