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
import { HeadSearch } from '../http1/head-search.ts';
import { responseFraming } from '../http1/framing.ts';
import { HeadResult, responseErrorCode } from '../http1/head-result.ts';
import type { ResponseBody } from '../http1/response-body.ts';
import { parseResponseHead, ResponseHead } from '../http1/response-head.ts';
import { answerStatus, findErrorPage, followErrorPage, guarded } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { applyCharset, followAccelRedirect, hasAccelFields, readAccel } from './accel.ts';
import { noBytes, Stage } from './attempt.ts';
import { earlyHintsHead } from './early-hints.ts';
import { PendingDestination } from './pending-destination.ts';
import type { Destination, ProxySettings, RangePicker } from './proxy-settings.ts';
import { RangeFilter } from './range-filter.ts';
import { adoptResponse } from './response-fields.ts';
import { invalidBody, ResponsePump } from './response-pump.ts';
import { Tunnel } from './tunnel.ts';
import { isOffered, offeredUpgrade } from './upstream-head.ts';

/** Interim responses tolerated before the final one. */
const maxInterim = 16;
/** Beginnings of bodies up to this size are copied by the client's side; others are kept. */
const copiedBytes = 8192;

function nothing(): void {}

/** Starts to pass a request on. For use as a content handler. */
export function passOn(x: Exchange, settings: ProxySettings): number {
  // A server that heard CONNECT would take what follows for a tunnel; here it would be requests.
  if (x.method === 'CONNECT') return 405;
  const destination = settings.router(x);
  if (typeof destination === 'number') return destination;
  if (destination instanceof PendingDestination) {
    const { ignoreClientAbort } = settings;
    destination.wait(x, ignoreClientAbort, (_, found) => passTo(x, settings, found));
    return HANDLED;
  }
  return passTo(x, settings, destination);
}

function passTo(x: Exchange, settings: ProxySettings, destination: Destination): number {
  x.proxyHost = destination.proxyHost;
  x.proxyPort = destination.proxyPort;
  if (x.uri === '' && (destination.uri ?? settings.outgoingUri(x)) === '') {
    logError(x, 'error', 'zero length URI to proxy');
    return 500;
  }
  new ProxyExchange(x, settings, destination).start();
  return HANDLED;
}

class ProxyExchange extends ResponsePump {
  protected charset: string | null = null;
  /** Of a head that comes in pieces: how far it was searched. */
  protected search: HeadSearch | null = null;

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
      if (!this.mayEnd(input)) {
        this.awaitHead(input);
        return true;
      }
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
        const rest = Buffer.from(input.subarray(start, end));
        this.search = new HeadSearch();
        this.mayEnd(rest);
        this.awaitHead(rest);
        return true;
      }
      if (result < 0) {
        this.invalidHead(result, head.error);
        return true;
      }
      start = result;
      if (head.status === 101) return this.switchProtocols(connection, input, start, end);
      if (head.status >= 200) return this.onHead(connection, input, start, end);
      if (head.status === 103) this.passEarlyHints(head);
      this.interim += 1;
      if (this.interim > maxInterim) {
        this.fail(new SallyportError('UPSTREAM_INVALID_RESPONSE', 'upstream sent too many 1xx'));
        return true;
      }
    }
  }

  // A head in many pieces is parsed when it may be complete, not at each of them.
  protected mayEnd(input: Buffer): boolean {
    const { bufferSize } = this.settings;
    if (this.search === null) return true;
    return this.search.concludes(input, { lineBytes: bufferSize, totalBytes: bufferSize });
  }

  protected awaitHead(partial: Buffer): void {
    this.partial = partial;
    this.connection?.arm(this.settings.readTimeout);
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
    body.begin(responseFraming(head, this.method), head.contentLength);
    this.body = body;
    const page =
      this.settings.interceptErrors && head.status >= 300 ? findErrorPage(x, head.status) : null;
    if (page !== null) {
      this.intercept(input, start, end);
      const challenges = head.status === 401 ? head.fields.all('www-authenticate') : [];
      followErrorPage(x, head.status, page, challenges);
      return true;
    }
    this.accept();
    if (hasAccelFields(head.fields.ids) && this.obey(head, input, start, end)) return true;
    this.stage = Stage.body;
    // nginx counts what follows the head, chunk sizes included.
    if (this.try !== null) this.try.responseLength = end - start;
    body.feed(input, start, end);
    if (body.error !== null) {
      this.fail(invalidBody(body.error));
      return true;
    }
    adoptResponse(x, head, this.settings, this.destination);
    if (this.charset !== null) applyCharset(x, this.charset, this.settings.accel);
    if (this.method !== x.method) this.fitMethods(body);
    const { ranges } = this.settings;
    if (ranges !== null && !this.pickRange(ranges)) return true;
    this.beginBody();
    return this.sendFirst(input, body);
  }

  // X-Accel-*. True: another location answers in place of this response.
  protected obey(head: ResponseHead, input: Buffer, start: number, end: number): boolean {
    const x = this.x;
    const { accel, cookies } = this.settings;
    const { redirect, buffering, charset } = readAccel(x, head, accel.obeyed);
    if (redirect === null) {
      this.buffering = buffering ?? this.buffering;
      this.charset = charset;
      return false;
    }
    this.intercept(input, start, end);
    followAccelRedirect(x, redirect, head, cookies);
    return true;
  }

  // What was asked of the server is not what the client asked (`proxy_method`): a client that asked
  // for a body gets none, and its length must not be promised.
  protected fitMethods(body: ResponseBody): void {
    const x = this.x;
    if (this.method === 'HEAD' && body.complete && x.contentLength > 0) x.contentLength = 0;
  }

  // False: the client gets an error instead.
  protected pickRange(pick: RangePicker): boolean {
    const x = this.x;
    x.client.filterHead(x);
    const range = pick(x);
    if (range === null) return true;
    if (range !== 'unsatisfiable') {
      x.addFilter(new RangeFilter(range));
      return true;
    }
    this.dropAttempt();
    this.finish();
    answerStatus(x, 416);
    return false;
  }

  protected passEarlyHints(head: ResponseHead): void {
    const { earlyHints, hidden } = this.settings;
    const x = this.x;
    if (earlyHints === null || x.headSent || !earlyHints(x)) return;
    x.client.sendInterim(earlyHintsHead(head, hidden));
  }

  // The answer is replaced by an error page. What has come of it decides about the connection.
  protected intercept(input: Buffer, start: number, end: number): void {
    const { body, connection } = this;
    body?.feed(input, start, end);
    this.account();
    // It may serve another request before this one is answered, which still shows these fields.
    if (connection !== null) connection.head = new ResponseHead();
    if (body?.excess === true) this.noteExcess();
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
    for (let i = 0; this.copy !== null && i < body.count; i += 1) {
      this.copy.append(input.subarray(body.starts[i], body.ends[i]));
    }
    if (body.complete) {
      this.account();
      this.copy?.complete();
      if (body.excess) this.noteExcess();
      this.releaseConnection(!body.excess);
      this.finish();
      x.client.sendHead(x, first, true, done);
      this.leaveHead(connection);
      return true;
    }
    connection?.arm(this.settings.readTimeout);
    const ready = x.client.sendHead(x, first, false, done);
    this.leaveHead(connection);
    if (!ready) this.hold();
    if (this.rate > 0) this.keepToRate(body.bytes);
    return this.pauses === 0;
  }

  // Filters may go on with the response after the connection is back in the pool.
  protected leaveHead(connection: UpstreamConnection | null): void {
    if (connection !== null && this.x.filters !== null) connection.head = new ResponseHead();
  }

  protected switchProtocols(
    connection: UpstreamConnection,
    input: Buffer,
    start: number,
    end: number,
  ): boolean {
    const x = this.x;
    const { head } = connection;
    const why = this.whyNotSwitch(head);
    if (why !== null) {
      this.fail(new SallyportError('UPSTREAM_INVALID_RESPONSE', `upstream sent 101 ${why}`));
      return true;
    }
    this.noteStatus(head.status);
    x.upstreamHead = head;
    x.upstreamFields = head.fields.names.length;
    const upgrade = head.upgrade;
    this.accept();
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

  protected whyNotSwitch(head: ResponseHead): string | null {
    const x = this.x;
    const template = this.settings.head;
    if (x.request.upgrade === null || offeredUpgrade(template, x) === '') {
      return 'without being asked';
    }
    if (head.upgrade === null || !isOffered(template, x, head.upgrade)) {
      return 'to another protocol than was asked for';
    }
    // What is still to come of the body would be taken for the first bytes of the tunnel.
    return this.requestWhole ? null : 'before it had the whole request';
  }

  // A reset takes away what was still on its way: then the end says nothing. EPIPE says that the end
  // had come before.
  protected get endIsWhole(): boolean {
    const cause = this.sendFailure?.cause as NodeJS.ErrnoException | undefined;
    return this.sendFailure === null || cause?.code === 'EPIPE';
  }

  override onEnd(): void {
    const body = this.body;
    if (this.stage === Stage.body && body?.endsWithConnection === true && this.endIsWhole) {
      // Node.js does not tell a close_notify from a FIN that anybody on the way can send.
      if ((this.connection?.tls ?? null) !== null) {
        logError(this.x, 'info', 'body ended with the TLS connection: it may be cut', this.url());
      }
      guarded(this.x, () => this.bodyOver(false));
      return;
    }
    if (this.sendFailure !== null && this.stage !== Stage.body) {
      this.fail(this.sendFailure);
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
