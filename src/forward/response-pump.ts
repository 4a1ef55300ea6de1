// Brings the body of an upstream response to the client: as it comes while the client takes it, by
// way of a temporary file where a client is slow and the response is buffered, or no faster than the
// client takes it.
//
//   read ─▶ client ready? ─▶ sendBody
//             │ no, buffered, proxy_buffers full
//             └─▶ overflow (file) ─▶ sendBody as the client drains
//
// With the overflow the upstream connection is free as soon as the server has sent everything.

import { SallyportError } from '../base/errors.ts';
import { CoarseTimer } from '../base/coarse-timer.ts';
import { now } from '../base/clock.ts';
import { describeFileError } from '../base/system-error.ts';
import type { Ending } from '../exchange/ending.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ResponseBody } from '../http1/response-body.ts';
import { guarded } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import type { Destination, ProxySettings } from './proxy-settings.ts';
import { RequestSender } from './request-sender.ts';
import { ResponseOverflow, type OverflowOwner } from './response-overflow.ts';
import { ResponseStore, type StoreOwner } from './response-store.ts';

/** What reading from the server waits for; bits. */
const Wait = { client: 1, rate: 2, room: 4, copy: 8 } as const;

/** Smallest and largest read under a rate. */
const leastRead = 1024;
const largestRead = 65_536;

export abstract class ResponsePump
  extends RequestSender
  implements OverflowOwner, StoreOwner, Ending
{
  next: Ending | null = null;
  protected buffering: boolean;
  /** Null as long as the client has kept up. */
  protected overflow: ResponseOverflow | null = null;
  /** What comes goes into the overflow, since something there comes before it. */
  protected overflowing = false;
  /** The server has sent everything, or failed; the client still gets what is in the overflow. */
  protected draining: 'no' | 'to the end' | 'to the cut' = 'no';
  /** Bytes per second, 0 for no limit. */
  protected rate = 0;
  protected rateTimer: CoarseTimer | null = null;
  protected bodyStartedAt = 0;
  protected bodyRead = 0;
  /** Bits of `Wait`; 0: the server is read. */
  protected pauses = 0;
  /** `proxy_store`: null for nearly all. */
  protected copy: ResponseStore | null = null;
  protected hasEnding = false;

  constructor(x: Exchange, settings: ProxySettings, destination: Destination) {
    super(x, settings, destination);
    this.buffering = settings.buffering;
  }

  /** To be called when the response head has been taken over, before any byte of the body. */
  protected beginBody(): void {
    const { limitRate } = this.settings;
    if (limitRate !== null && this.buffering) {
      this.rate = limitRate(this.x);
      this.bodyStartedAt = Math.floor(now() / 1000);
      const connection = this.connection;
      if (this.rate > 0 && connection !== null) {
        connection.limitReads(Math.min(Math.max(this.rate, leastRead), largestRead));
      }
    }
    const { store } = this.settings;
    if (store === null || !this.buffering || !mayBeStored(this.x)) return;
    this.copy = new ResponseStore(this.x, store, this);
    this.registerEnding();
  }

  // ---- from the server

  protected onBodyBytes(buffer: Buffer, start: number, end: number): boolean {
    const body = this.body;
    const connection = this.connection;
    if (body === null || connection === null) return true;
    if (this.try !== null) this.try.responseLength += end - start;
    body.feed(buffer, start, end);
    const ready = this.overflowing
      ? this.appendParts(connection, body, end)
      : this.sendParts(connection, body, end);
    if (body.error !== null) {
      this.fail(invalidBody(body.error));
      return true;
    }
    if (body.complete) {
      if (body.excess) this.noteExcess();
      this.bodyOver(!body.excess);
      return true;
    }
    connection.arm(this.settings.readTimeout);
    if (!ready) this.hold();
    if (this.copy?.isBehind === true) this.pause(Wait.copy);
    if (this.rate > 0) this.keepToRate(end - start);
    return this.pauses === 0;
  }

  /** What is too much reaches nobody, and the connection is not used again (RFC 9112, 9.2). */
  protected noteExcess(): void {
    const why = 'UPSTREAM_INVALID_RESPONSE: upstream sent more data than its framing allows';
    logError(this.x, 'warn', why, this.url());
  }

  // The client, or the overflow, is full.
  protected hold(): void {
    if (this.overflowing) this.pause(Wait.room);
    else if (!this.mayBuffer()) this.pause(Wait.client);
  }

  /** The server's part is over: the connection is free, however slow the client is. */
  protected bodyOver(clean: boolean): void {
    const x = this.x;
    this.account();
    this.copy?.complete();
    this.releaseConnection(clean);
    if (this.overflowing) {
      this.draining = 'to the end';
      return;
    }
    this.finish();
    x.client.endBody(x);
  }

  // The whole read is kept once, its parts are views on it, and the last part's write gives it back.
  protected sendParts(connection: UpstreamConnection, body: ResponseBody, end: number): boolean {
    const x = this.x;
    const { count, starts, ends } = body;
    if (count === 0) return true;
    const kept = connection.keep(0, end);
    const release = (): void => connection.release(kept);
    let ready = true;
    for (let i = 0; i < count; i += 1) {
      const chunk = kept.subarray(starts[i], ends[i]);
      this.copy?.append(chunk);
      ready = x.client.sendBody(x, chunk, i + 1 === count ? release : null);
    }
    return ready;
  }

  protected appendParts(connection: UpstreamConnection, body: ResponseBody, end: number): boolean {
    const { count, starts, ends } = body;
    const { overflow } = this;
    if (count === 0 || overflow === null) return true;
    const kept = connection.keep(0, end);
    const release = (): void => connection.release(kept);
    let room = true;
    for (let i = 0; i < count; i += 1) {
      const chunk = kept.subarray(starts[i], ends[i]);
      this.copy?.append(chunk);
      room = overflow.append(chunk, i + 1 === count ? release : nothing);
    }
    return room;
  }

  /**
   * The client takes no more for now. While buffering, the server may go on: by `proxy_buffers` in
   * memory, then into the overflow. A filter that is busy (compression) is waited for.
   */
  protected mayBuffer(): boolean {
    if (!this.buffering) return false;
    const x = this.x;
    const held = x.client.unsent;
    if (held < this.settings.buffersBytes) return x.filters === null;
    if (this.settings.overflow.maxBytes === 0 || this.overflow?.broken === true) return false;
    if (this.overflow === null) {
      this.overflow = new ResponseOverflow(this.settings.overflow, this.settings.buffers, this);
      this.registerEnding();
    }
    this.overflowing = true;
    return true;
  }

  protected pause(reason: number): void {
    this.pauses |= reason;
    this.connection?.disarm();
  }

  /** Reads on, unless there is still something else to wait for. */
  protected goOn(reason: number): void {
    if ((this.pauses & reason) === 0) return;
    this.pauses &= ~reason;
    if (this.pauses !== 0) return;
    this.connection?.arm(this.settings.readTimeout);
    this.connection?.resume();
  }

  // ---- proxy_limit_rate

  // As nginx counts: what a rate allows since the second in which the body began, plus one second.
  protected keepToRate(bytes: number): void {
    this.bodyRead += bytes;
    const seconds = Math.floor(now() / 1000) - this.bodyStartedAt + 1;
    const left = this.rate * seconds - this.bodyRead;
    if (left > 0) return;
    this.pause(Wait.rate);
    this.rateTimer ??= new CoarseTimer(() => this.goOn(Wait.rate));
    this.rateTimer.arm(Math.floor((-left * 1000) / this.rate) + 1);
  }

  // ---- to the client

  override onClientDrain(): void {
    if (this.overflowing) this.overflow?.next();
    else this.goOn(Wait.client);
  }

  onOverflowData(chunk: Buffer, done: () => void): void {
    const x = this.x;
    guarded(x, () => {
      const ready = x.client.sendBody(x, chunk, done);
      const { busyBytes } = this.settings.overflow;
      if (ready || (x.filters === null && x.client.unsent < busyBytes)) this.overflow?.next();
    });
  }

  onOverflowRoom(): void {
    this.goOn(Wait.room);
  }

  onCopyCaughtUp(): void {
    this.goOn(Wait.copy);
  }

  onOverflowEmpty(): void {
    this.overflowing = false;
    const x = this.x;
    if (this.draining === 'no') {
      this.goOn(Wait.room);
      return;
    }
    const whole = this.draining === 'to the end';
    guarded(x, () => {
      this.finish();
      if (whole) x.client.endBody(x);
      else x.client.abortBody(x);
    });
  }

  onOverflowBroken(error: Error): void {
    const why = describeFileError(error);
    logError(this.x, 'crit', `response can't be written to a temporary file: ${why}`);
  }

  onOverflowLost(error: Error): void {
    const x = this.x;
    const why = describeFileError(error);
    logError(x, 'crit', `response can't be read from its temporary file: ${why}`);
    guarded(x, () => {
      this.dropAttempt();
      this.finish();
      x.client.abortBody(x);
    });
  }

  // ---- ends

  /** The server failed in the middle: the client gets what there is of the body, then sees the cut. */
  protected override cutBody(): void {
    if (!this.overflowing) {
      super.cutBody();
      return;
    }
    this.draining = 'to the cut';
  }

  override onClientAborted(): void {
    this.overflow?.close();
    super.onClientAborted();
  }

  protected override dropConnection(): void {
    this.rateTimer?.disarm();
    this.pauses = 0;
    // What there is to say of the server was said when it had sent everything.
    if (this.draining === 'no') super.dropConnection();
  }

  protected override finish(): void {
    this.rateTimer?.disarm();
    this.copy?.abandon();
    super.finish();
  }

  protected registerEnding(): void {
    if (this.hasEnding) return;
    this.hasEnding = true;
    this.x.addEnding(this);
  }

  /** At the end of the exchange, in whichever way. */
  end(): void {
    this.overflow?.close();
    this.copy?.abandon();
  }
}

function nothing(): void {}

function mayBeStored(x: Exchange): boolean {
  return x.upstreamHead?.status === 200 && x.method !== 'HEAD';
}

export function invalidBody(why: string): SallyportError {
  return new SallyportError(
    'UPSTREAM_INVALID_RESPONSE',
    `upstream sent invalid chunked body: ${why}`,
  );
}
