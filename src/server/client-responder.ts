// The response side of a client connection: head, body, filters and rate of the response under way,
// and whether the connection may serve another request. client-reader.ts has what comes in,
// client-connection.ts the life of the connection around both.

import { now } from '../base/clock.ts';
import { answerAtTurnEnd, type TurnEnd } from '../base/turn-end.ts';
import type { FirstPart } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { ClientReader } from './client-reader.ts';
import { bytesAtOnce, Pacer } from './pacer.ts';
import { guarded, locationOf } from './phases.ts';
import { logError } from './request-log.ts';
import { composeResponseHead, isBodyless } from './response-head.ts';
import { ResponsePipeline } from './response-pipeline.ts';
import {
  wholeResponse,
  writeBody,
  writeHeadAlone,
  writeHeadAndBody,
  writeLastChunk,
} from './response-writer.ts';
import { losesKeepalive } from './user-agent.ts';

/** nginx's status for a connection that is closed without an answer. */
const closedWithoutWord = 444;

/** What leaves with the head. */
interface Opening {
  readonly first: FirstPart;
  readonly last: boolean;
  readonly done: (() => void) | undefined;
}

export abstract class ClientResponder extends ClientReader implements TurnEnd {
  /** A whole response that leaves at the end of this turn, before anything else is written. */
  private held = '';
  /** The beginning of a response waits for what else comes of it in this turn. */
  private corked = false;
  /** Does the kernel gather small segments? */
  protected delaying = false;
  /** A timeout ends it, or "return 444". */
  protected timedOut = false;
  /** The filters of the response under way. */
  protected pipeline: ResponsePipeline | null = null;
  /** The last of them where the response has a rate. */
  protected pacer: Pacer | null = null;

  override get unsent(): number {
    const direct = this.direct === null ? 0 : this.direct.pending;
    return this.socket.writableLength + direct + (this.pacer === null ? 0 : this.pacer.queued);
  }

  onTurnEnd(): void {
    this.leave();
  }

  // Writes what is held back, if there is something.
  protected leave(): void {
    const { held } = this;
    if (held !== '') {
      this.held = '';
      if (!this.closed && this.direct?.write(held) !== true) this.socket.write(held, 'latin1');
    }
    if (this.corked) {
      this.corked = false;
      this.socket.uncork();
    }
  }

  // Over TLS the rest of a small body often comes in another record: both leave in one write.
  protected cork(): void {
    this.corked = true;
    this.socket.cork();
    answerAtTurnEnd(this);
  }

  // A connection that is kept has nothing else to do this turn.
  protected hold(x: Exchange, head: string, body: FirstPart): boolean {
    if (!x.keepAlive || this.socket.writableLength > 0) return false;
    const whole = wholeResponse(x, head, body);
    if (whole === null) return false;
    this.held = whole;
    answerAtTurnEnd(this);
    return true;
  }

  override sendInterim(head: string): void {
    this.leave();
    super.sendInterim(head);
  }

  override sendContinue(): void {
    this.leave();
    super.sendContinue();
  }

  override sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean {
    this.leave();
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
    if (last && this.hold(x, head, withoutBody ? null : first)) {
      done?.();
      this.complete(x);
      return true;
    }
    let ready: boolean;
    if (first === null || first.length === 0 || withoutBody) {
      done?.();
      ready = writeHeadAlone(this.socket, x, head, last);
    } else {
      if (!last) this.cork();
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

  protected drained(x: Exchange): void {
    if (this.pipeline === null) this.sourceReady(x);
    else this.pipeline.drained();
  }

  protected sourceReady(x: Exchange): void {
    const { owner } = x;
    if (owner !== null) guarded(x, () => owner.onClientDrain());
  }

  // ---- the life of the connection

  /** The response has left, or what can be sent of it. */
  protected abstract complete(x: Exchange): void;
  /** The exchange is over, for the client's side. */
  protected abstract finish(x: Exchange): void;
}
