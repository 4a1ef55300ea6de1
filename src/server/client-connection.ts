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
import { logExchange, releaseExchange } from './exchange-end.ts';
import { guarded, locationOf } from './phases.ts';
import { hasPostAction, startPostAction } from './post-action.ts';
import { logError } from './request-log.ts';
import { losesKeepalive } from './user-agent.ts';
import { policyOfHandshake, serverOfHandshake } from './virtual-server.ts';
import { bytesAtOnce, Pacer } from './pacer.ts';
import { ResponsePipeline } from './response-pipeline.ts';
import { composeResponseHead, isBodyless } from './response-head.ts';
import { writeBody, writeHeadAlone, writeHeadAndBody, writeLastChunk } from './response-writer.ts';

/** nginx's status for a connection that is closed without an answer. */
const closedWithoutWord = 444;

/** What leaves with the head. */
interface Opening {
  readonly first: FirstPart;
  readonly last: boolean;
  readonly done: (() => void) | undefined;
}

export class ClientConnection extends ClientReader {
  /** Does the kernel gather small segments? */
  protected delaying = false;
  /** A timeout ends it, or "return 444". */
  protected timedOut = false;
  /** When the last response was complete. */
  protected idleSince = 0;
  /** The filters of the response under way. */
  protected pipeline: ResponsePipeline | null = null;
  /** The last of them where the response has a rate. */
  protected pacer: Pacer | null = null;

  /** Is it between two requests, so that it may be closed without loss? */
  get idle(): boolean {
    return this.state === State.idle && this.input.length === 0;
  }

  override get unsent(): number {
    return this.socket.writableLength + (this.pacer === null ? 0 : this.pacer.queued);
  }

  get busy(): boolean {
    return this.exchange !== null || this.state === State.tunnel;
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

  // ---- writing

  override sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean {
    const location = locationOf(x);
    if (!x.headFiltered) this.filterHead(x);
    this.decideKeepAlive(x);
    if (location.client.noDelay === this.delaying) this.setDelaying(!this.delaying);
    const head = composeResponseHead(x, location);
    x.headSent = true;
    x.bytesSent += head.length;
    if (this.closed) {
      done?.();
      if (last) this.complete(x);
      return true;
    }
    const withoutBody = x.method === 'HEAD' || isBodyless(x.status) || x.tunnels;
    if ((location.rateLimit !== null || x.limitRate > 0) && !withoutBody) {
      this.pace(x, last ? (first?.length ?? 0) : Infinity);
    }
    if (x.filters !== null && !withoutBody)
      return this.beginFilters(x, head, { first, last, done });
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

  // `tcp_nodelay`: sockets come without delay.
  protected setDelaying(delaying: boolean): void {
    this.delaying = delaying;
    this.raw.setNoDelay(!delaying);
  }

  override filterHead(x: Exchange): void {
    x.headFiltered = true;
    for (const filter of locationOf(x).headerFilters) filter(x);
  }

  override sendBody(x: Exchange, chunk: Buffer, done: (() => void) | null): boolean {
    if (this.closed || x.method === 'HEAD' || isBodyless(x.status)) {
      done?.();
      return true;
    }
    if (this.pipeline !== null) {
      const going = this.pipeline.write(Buffer.from(chunk));
      done?.();
      return going;
    }
    const ready = writeBody(this.socket, x, chunk, done ?? undefined);
    if (!ready) this.waitForDrain();
    return ready;
  }

  // A body that may leave at once, and that no filter changes, needs no pacer.
  protected pace(x: Exchange, bytes: number): void {
    const { rateLimit } = locationOf(x);
    const rate = x.limitRate >= 0 ? x.limitRate : (rateLimit?.rate(x) ?? 0);
    x.limitRate = rate;
    if (rate === 0) return;
    const after = rateLimit?.after(x) ?? 0;
    if (x.filters === null && bytes <= bytesAtOnce(rate, after)) return;
    this.pacer = new Pacer(rate, after);
    x.addFilter(this.pacer);
  }

  // The head leaves alone: a filter may keep the beginning of the body for a while.
  protected beginFilters(x: Exchange, head: string, body: Opening): boolean {
    writeHeadAlone(this.socket, x, head, false);
    const pipeline = new ResponsePipeline(x.filters ?? [], {
      write: (chunk) => {
        if (this.closed) return true;
        const ready = writeBody(this.socket, x, chunk, undefined);
        if (!ready) this.waitForDrain();
        return ready;
      },
      end: () => this.endUnfiltered(x),
      fail: (error) => {
        logError(x, 'error', error.message);
        this.abortBody(x);
      },
      ready: () => this.sourceReady(x),
    });
    this.pipeline = pipeline;
    const { first, last, done } = body;
    const going =
      first === null ||
      pipeline.write(typeof first === 'string' ? Buffer.from(first, 'latin1') : Buffer.from(first));
    done?.();
    if (last) pipeline.end();
    return going;
  }

  override endBody(x: Exchange): void {
    if (this.pipeline === null) this.endUnfiltered(x);
    else if (!x.finished) this.pipeline.end();
  }

  protected endUnfiltered(x: Exchange): void {
    if (x.chunked && !this.closed) writeLastChunk(this.socket, x);
    this.complete(x);
  }

  override abortBody(x: Exchange): void {
    x.keepAlive = false;
    const unframed = x.headSent && !x.chunked && x.contentLength < 0;
    if (x.status === closedWithoutWord) this.timedOut = true;
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
      !this.outdated &&
      now() - this.startedAt < client.keepaliveTime &&
      !(client.keepaliveDisable !== 0 && losesKeepalive(x, client.keepaliveDisable)) &&
      // To its client any 2xx to CONNECT is a tunnel: what comes next would not be requests.
      !(x.request.form === 'authority' && x.status < 300) &&
      // A body that the client holds back until "100 Continue" may never come.
      !(this.mustContinue && !this.body.ended);
  }

  protected complete(x: Exchange): void {
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
    return early.length === 0 ? null : early;
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

  protected drained(x: Exchange): void {
    if (this.pipeline === null) this.sourceReady(x);
    else this.pipeline.drained();
  }

  protected sourceReady(x: Exchange): void {
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
   * gives those a little time that may just be sent another request.
   */
  closeIdle(): void {
    if (!this.idle) return;
    const rest = this.idleSince + this.clientSettings.keepaliveMinTimeout - now();
    if (rest > 0 && !this.outdated) this.wait(Waiting.keepalive, rest);
    else this.closeSoon();
  }

  override destroy(): void {
    if (this.timedOut && !this.closed && this.clientSettings.resetTimedOut) {
      this.raw.resetAndDestroy();
    }
    this.socket.destroy();
    this.raw.destroy();
    this.onClose();
  }
}
