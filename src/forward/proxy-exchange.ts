// One request on its way through `proxy_pass`: picks a server, sends the request, reads the
// response head, pumps the body, and tries another server where that is allowed.
//
//   body buffered? ─▶ pick peer ─▶ pooled connection, or connect ─▶ send ─▶ head ─▶ body ─▶ pool
//                        ▲                                │            │
//                        └────────── mayTryNext ◀─────────┴────────────┘
//
// One object a request, the user of the upstream connection and the owner of the exchange at once,
// so that nothing on this way needs a closure or a promise.

import { SallyportError } from '../base/errors.ts';
import type { FirstPart } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED } from '../exchange/handler.ts';
import { responseFraming } from '../http1/framing.ts';
import { HeadResult, responseErrorCode } from '../http1/head-result.ts';
import type { ResponseBody } from '../http1/response-body.ts';
import { parseResponseHead, ResponseHead } from '../http1/response-head.ts';
import { findErrorPage, followErrorPage, guarded } from '../server/phases.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { noBytes, Stage } from './attempt.ts';
import type { ProxySettings } from './proxy-settings.ts';
import { RequestSender } from './request-sender.ts';
import { adoptResponse } from './response-fields.ts';
import { Tunnel } from './tunnel.ts';
import { asksForUpgrade } from './upstream-head.ts';

/** Interim responses tolerated before the final one. */
const maxInterim = 16;
/** Beginnings of bodies up to this size are copied by the client's side; others are kept. */
const copiedBytes = 8192;

function nothing(): void {}

/** Starts to pass a request on. For use as a content handler. */
export function passOn(x: Exchange, settings: ProxySettings): number {
  const destination = settings.router(x);
  if (typeof destination === 'number') return destination;
  x.proxyHost = destination.proxyHost;
  x.proxyPort = destination.proxyPort;
  new ProxyExchange(x, settings, destination).start();
  return HANDLED;
}

class ProxyExchange extends RequestSender {
  // ---- the response

  override onData(buffer: Buffer, bytes: number): boolean {
    try {
      return this.stage === Stage.body
        ? this.onBodyBytes(buffer, 0, bytes)
        : this.onHeadBytes(buffer, bytes);
    } catch (thrown) {
      guarded(this.x, () => {
        this.dropAttempt();
        this.finish();
        throw thrown;
      });
      return true;
    }
  }

  protected onHeadBytes(buffer: Buffer, bytes: number): boolean {
    let input = buffer;
    let end = bytes;
    if (this.partial.length > 0) {
      input = Buffer.concat([this.partial, buffer.subarray(0, bytes)]);
      end = input.length;
      this.partial = noBytes;
    }
    const connection = this.connection;
    if (connection === null) return true;
    const { head } = connection;
    this.head = head;
    let start = 0;
    for (;;) {
      const result = parseResponseHead(input, start, end, head, this.settings.bufferSize);
      if (result === HeadResult.incomplete) {
        this.partial = Buffer.from(input.subarray(start, end));
        connection.arm(this.settings.readTimeout);
        return true;
      }
      if (result < 0) {
        this.invalidHead(result, head.error);
        return true;
      }
      start = result;
      if (head.status === 101) return this.switchProtocols(connection, input, start, end);
      if (head.status >= 200) return this.onHead(connection, input, start, end);
      this.interim += 1;
      if (this.interim > maxInterim) {
        this.fail(new SallyportError('UPSTREAM_INVALID_RESPONSE', 'upstream sent too many 1xx'));
        return true;
      }
    }
  }

  protected invalidHead(result: number, why: string): void {
    const text =
      result === HeadResult.fieldTooLarge
        ? 'upstream sent too big header (proxy_buffer_size)'
        : `upstream sent invalid response: ${why}`;
    this.fail(new SallyportError(responseErrorCode(result), text));
  }

  protected onHead(
    connection: UpstreamConnection,
    input: Buffer,
    start: number,
    end: number,
  ): boolean {
    const x = this.x;
    const { head, body } = connection;
    this.noteStatus(head.status);
    if (head.status >= 400 && head.status !== 416 && this.retryStatus(head.status)) return true;
    x.upstreamHead = head;
    x.upstreamFields = head.fields.names.length;
    body.begin(responseFraming(head, x.method), head.contentLength);
    this.body = body;
    const page =
      this.settings.interceptErrors && head.status >= 300 ? findErrorPage(x, head.status) : null;
    if (page !== null) {
      this.intercept(input, start, end);
      const challenge = head.status === 401 ? head.fields.get('www-authenticate') : null;
      followErrorPage(x, head.status, page, challenge);
      return true;
    }
    this.stage = Stage.body;
    // nginx counts what follows the head, chunk sizes included.
    if (this.try !== null) this.try.responseLength = end - start;
    body.feed(input, start, end);
    if (body.error !== null) {
      this.fail(invalidBody(body.error));
      return true;
    }
    adoptResponse(x, head, this.settings, this.destination);
    return this.sendFirst(input, body);
  }

  // The answer is replaced by an error page. What has come of it decides about the connection.
  protected intercept(input: Buffer, start: number, end: number): void {
    const body = this.body;
    body?.feed(input, start, end);
    this.account();
    this.releaseConnection(body?.complete === true && !body.excess);
    this.finish();
  }

  // Head and the first bytes of the body leave in one write; a small answer is over with it.
  protected sendFirst(input: Buffer, body: ResponseBody): boolean {
    const x = this.x;
    const { connection } = this;
    let first: FirstPart;
    let done: (() => void) | undefined;
    if (body.count === 1 && body.bytes <= copiedBytes) {
      first = input.toString('latin1', body.starts[0], body.ends[0]);
    } else {
      first = gather(input, body);
      if (first !== null && connection?.isReading(first) === true) {
        const kept = connection.keep(body.starts[0] ?? 0, body.ends[0] ?? 0);
        first = kept;
        done = () => connection.release(kept);
      } else {
        done = nothing;
      }
    }
    if (body.complete) {
      this.account();
      this.releaseConnection(!body.excess);
      this.finish();
      x.client.sendHead(x, first, true, done);
      this.leaveHead(connection);
      return true;
    }
    connection?.arm(this.settings.readTimeout);
    const ready = x.client.sendHead(x, first, false, done);
    this.leaveHead(connection);
    return ready || this.mayBuffer() || this.pause();
  }

  // Filters may go on with the response after the connection is back in the pool.
  protected leaveHead(connection: UpstreamConnection | null): void {
    if (connection !== null && this.x.filters !== null) connection.head = new ResponseHead();
  }

  protected onBodyBytes(buffer: Buffer, start: number, end: number): boolean {
    const x = this.x;
    const body = this.body;
    const connection = this.connection;
    if (body === null || connection === null) return true;
    if (this.try !== null) this.try.responseLength += end - start;
    body.feed(buffer, start, end);
    const ready = this.sendParts(connection, body, end);
    if (body.error !== null) {
      this.fail(invalidBody(body.error));
      return true;
    }
    if (body.complete) {
      this.account();
      this.releaseConnection(!body.excess);
      this.finish();
      x.client.endBody(x);
      return true;
    }
    connection.arm(this.settings.readTimeout);
    return ready || this.mayBuffer() || this.pause();
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
      ready = x.client.sendBody(x, chunk, i + 1 === count ? release : null);
    }
    return ready;
  }

  /** While buffering, the upstream server may be ahead of a slow client by `proxy_buffers`. */
  protected mayBuffer(): boolean {
    return this.settings.buffering && this.x.client.unsent < this.settings.buffersBytes;
  }

  protected pause(): boolean {
    this.paused = true;
    this.connection?.disarm();
    return false;
  }

  override onClientDrain(): void {
    if (!this.paused) return;
    this.paused = false;
    this.connection?.arm(this.settings.readTimeout);
    this.connection?.resume();
  }

  protected switchProtocols(
    connection: UpstreamConnection,
    input: Buffer,
    start: number,
    end: number,
  ): boolean {
    const x = this.x;
    const { head } = connection;
    if (x.request.upgrade === null || !asksForUpgrade(this.settings.head, x)) {
      this.fail(
        new SallyportError('UPSTREAM_INVALID_RESPONSE', 'upstream sent 101 without being asked'),
      );
      return true;
    }
    this.noteStatus(head.status);
    x.upstreamHead = head;
    x.upstreamFields = head.fields.names.length;
    const upgrade = head.upgrade;
    adoptResponse(x, head, this.settings, this.destination);
    x.contentLength = -1;
    if (upgrade !== null) x.fields.add('Upgrade', upgrade);
    x.keepAlive = false;
    connection.disarm();
    this.stage = Stage.done;
    const early = end > start ? Buffer.from(input.subarray(start, end)) : null;
    const tunnel = new Tunnel(x, connection, this.settings, () => {
      this.reportPeer('ok');
      this.account();
      this.connection = null;
    });
    x.client.sendHead(x, null, false);
    tunnel.start(early);
    return true;
  }

  override onEnd(): void {
    const body = this.body;
    if (this.stage === Stage.body && body?.endsWithConnection === true) {
      this.reportPeer('ok');
      this.dropConnection();
      this.finish();
      const x = this.x;
      guarded(x, () => x.client.endBody(x));
      return;
    }
    const what =
      this.stage === Stage.body ? 'reading upstream' : 'reading response header from upstream';
    this.fail(
      new SallyportError(
        'UPSTREAM_CLOSED_EARLY',
        `upstream prematurely closed connection while ${what}`,
      ),
    );
  }
}

function gather(input: Buffer, body: ResponseBody): Buffer | null {
  const { count, starts, ends } = body;
  if (count === 0) return null;
  if (count === 1) return input.subarray(starts[0], ends[0]);
  const slices: Buffer[] = [];
  for (let i = 0; i < count; i += 1) slices.push(input.subarray(starts[i], ends[i]));
  return Buffer.concat(slices);
}

function invalidBody(why: string): SallyportError {
  return new SallyportError(
    'UPSTREAM_INVALID_RESPONSE',
    `upstream sent invalid chunked body: ${why}`,
  );
}
