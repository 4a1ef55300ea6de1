// One request on its way through `proxy_pass`: picks a server, sends the request, reads the
// response head, pumps the body, and tries another server where that is allowed.
//
//   body buffered? ─▶ pick peer ─▶ pooled connection, or connect ─▶ send ─▶ head ─▶ body ─▶ pool
//                        ▲                                │            │
//                        └────────── mayTryNext ◀─────────┴────────────┘
//
// One object a request, the user of the upstream connection and the owner of the exchange at once,
// so that nothing on this way needs a closure or a promise.

import { now } from '../base/clock.ts';
import { SallyportError, type ErrorCode } from '../base/errors.ts';
import type { BodySink, ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange, StoredBody } from '../exchange/exchange.ts';
import { HANDLED } from '../exchange/handler.ts';
import { UpstreamTry } from '../exchange/upstream-try.ts';
import { responseFraming } from '../http1/framing.ts';
import { HeadResult } from '../http1/head-result.ts';
import type { ResponseBody } from '../http1/response-body.ts';
import { parseResponseHead, type ResponseHead } from '../http1/response-head.ts';
import { answerStatus, findErrorPage, followErrorPage, guarded } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { Tried } from '../upstream/balancer.ts';
import type { ConnectionUser, UpstreamConnection } from '../upstream/connection.ts';
import { openConnection } from '../upstream/open-connection.ts';
import type { Peer } from '../upstream/peer.ts';
import { mayTryNext, outcomeOf, type Failure, type RetryState } from '../upstream/retry.ts';
import type { Destination, ProxySettings } from './proxy-settings.ts';
import { RequestSpool } from './request-spool.ts';
import { adoptResponse } from './response-fields.ts';
import { Tunnel } from './tunnel.ts';
import { asksForUpgrade, BodyFraming, composeUpstreamHead } from './upstream-head.ts';

const Stage = { connecting: 0, sending: 1, head: 2, body: 3, done: 4 } as const;

/** Interim responses tolerated before the final one. */
const maxInterim = 16;
const noBytes = Buffer.alloc(0);
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

class ProxyExchange implements ConnectionUser, BodySink, ExchangeOwner {
  readonly #x: Exchange;
  readonly #settings: ProxySettings;
  readonly #destination: Destination;
  readonly survivesAbort: boolean;

  #stage: number = Stage.connecting;
  #peer: Peer | null = null;
  #connection: UpstreamConnection | null = null;
  #try: UpstreamTry | null = null;
  /** Tries before belong to a group that an error page came from. */
  #firstTry = 0;
  #tried: Tried | null = null;
  #triesLeft: number;
  readonly #startedAt = now();
  #sentBefore = 0;
  #receivedBefore = 0;

  #spool: StoredBody | null = null;
  #spoolPosition = 0;
  #streaming = false;
  #streamed = false;
  #bodyEnded = false;
  /** The client has been asked for the body of a request that is streamed. */
  #reading = false;
  /** At least the head has been handed to the connection of this attempt. */
  #requestSent = false;
  /** All of it has. */
  #requestWhole = false;

  /** Of the present connection. */
  #head: ResponseHead | null = null;
  #partial: Buffer = noBytes;
  #interim = 0;
  #body: ResponseBody | null = null;
  #paused = false;

  constructor(x: Exchange, settings: ProxySettings, destination: Destination) {
    this.#x = x;
    this.#settings = settings;
    this.#destination = destination;
    this.survivesAbort = settings.ignoreClientAbort;
    const { tries } = destination.live.group;
    const limit = settings.retryTries;
    this.#triesLeft = limit > 0 ? Math.min(limit, tries) : tries;
  }

  start(): void {
    const x = this.#x;
    x.owner = this;
    x.tries ??= [];
    this.#firstTry = x.tries.length;
    if (x.storedBody !== null || !x.hasBody) {
      this.#spool = x.storedBody;
      this.#bodyEnded = true;
      this.#connect();
    } else if (this.#settings.requestBuffering) {
      const spool = new RequestSpool(this.#settings.bodyBufferSize, this.#settings.bodyTempPath);
      this.#spool = spool;
      x.storedBody = spool;
      x.client.readBody(x, this);
    } else {
      this.#streaming = true;
      this.#connect();
    }
  }

  // ---- the request body

  onBodyData(chunk: Buffer): void {
    if (this.#stage === Stage.done) return;
    if (this.#spool !== null) {
      this.#store(this.#spool, chunk);
      return;
    }
    const connection = this.#connection;
    if (connection === null) return;
    this.#streamed = true;
    const ready = this.#x.bodyChunked
      ? this.#writeChunk(connection, chunk)
      : connection.write(chunk);
    if (ready) return;
    this.#x.client.pauseBody();
    if (this.#stage === Stage.sending) connection.arm(this.#settings.sendTimeout);
  }

  #store(spool: StoredBody, chunk: Buffer): void {
    try {
      spool.append(chunk);
    } catch (thrown) {
      logError(this.#x, 'crit', `request body can't be buffered: ${String(thrown)}`);
      this.#finish();
      this.#x.dropBody();
      answerStatus(this.#x, 500);
    }
  }

  #writeChunk(connection: UpstreamConnection, chunk: Buffer): boolean {
    connection.cork();
    connection.write(`${chunk.length.toString(16)}\r\n`);
    connection.write(chunk);
    const ready = connection.write('\r\n');
    connection.uncork();
    return ready;
  }

  onBodyEnd(): void {
    if (this.#stage === Stage.done) return;
    this.#bodyEnded = true;
    if (this.#spool !== null) {
      this.#connect();
      return;
    }
    if (this.#x.bodyChunked) {
      this.#streamed = true;
      this.#connection?.write('0\r\n\r\n');
    }
    this.#requestComplete();
  }

  onBodyFailed(status: number): void {
    if (this.#stage === Stage.done) return;
    this.#dropAttempt();
    this.#finish();
    this.#x.dropBody();
    answerStatus(this.#x, status);
  }

  // ---- choosing and connecting

  #connect(): void {
    const { live } = this.#destination;
    const peer = live.group.balancer.pick(this.#tried);
    if (peer === null) {
      this.#noneLive();
      return;
    }
    this.#peer = peer;
    this.#open(peer, true);
  }

  #noneLive(): void {
    const x = this.#x;
    const attempt = new UpstreamTry(this.#destination.live.group.name, now());
    attempt.status = 502;
    attempt.responseTime = 0;
    this.#addTry(attempt);
    logError(x, 'error', 'no live upstreams while connecting to upstream', this.#url());
    this.#finish();
    answerStatus(x, 502);
  }

  #addTry(attempt: UpstreamTry): void {
    const { tries } = this.#x;
    if (tries === null) return;
    attempt.startsGroup = tries.length > 0 && tries.length === this.#firstTry;
    tries.push(attempt);
  }

  #open(peer: Peer, mayReuse: boolean): void {
    const { live } = this.#destination;
    const target = this.#settings.connector(this.#x, peer, this.#destination);
    const attempt = new UpstreamTry(peer.name, now());
    this.#try = attempt;
    this.#addTry(attempt);
    this.#requestSent = false;
    this.#requestWhole = false;
    this.#partial = noBytes;
    this.#interim = 0;
    this.#body = null;
    // What comes meanwhile would have nowhere to go.
    if (this.#reading) this.#x.client.pauseBody();
    const pooled = mayReuse ? live.pool.take(target.key) : null;
    if (pooled !== null) {
      pooled.user = this;
      this.#adopt(pooled, attempt);
      attempt.connectTime = 0;
      attempt.tls = pooled.tls;
      attempt.reusedConnection = true;
      this.#send(pooled);
      return;
    }
    this.#stage = Stage.connecting;
    const connection = openConnection(target, this, this.#settings.buffers);
    this.#adopt(connection, attempt);
    connection.arm(this.#settings.connectTimeout);
  }

  #adopt(connection: UpstreamConnection, attempt: UpstreamTry): void {
    this.#connection = connection;
    this.#sentBefore = connection.bytesSent;
    this.#receivedBefore = connection.bytesReceived;
    attempt.reusedConnection = connection.reused;
  }

  onConnected(connection: UpstreamConnection): void {
    const attempt = this.#try;
    if (attempt !== null) {
      attempt.connectTime = now() - attempt.startedAt;
      attempt.tls = connection.tls;
    }
    connection.disarm();
    guarded(this.#x, () => this.#send(connection));
  }

  // ---- sending

  #send(connection: UpstreamConnection): void {
    const x = this.#x;
    const { head: template, outgoingUri } = this.#settings;
    this.#stage = Stage.sending;
    const spool = this.#spool;
    const framing = this.#framing(spool);
    const uri = this.#destination.uri ?? outgoingUri(x);
    const head = composeUpstreamHead(template, x, uri, framing);
    this.#requestSent = true;
    const body = spool === null ? null : spool.inMemory;
    if (spool === null || body !== null) {
      const ready = writeHead(connection, head, body);
      if (this.#streaming) {
        this.#stream();
        return;
      }
      this.#spoolPosition = spool?.length ?? 0;
      this.#requestWhole = true;
      if (ready) this.#requestComplete();
      else connection.arm(this.#settings.sendTimeout);
      return;
    }
    connection.write(head);
    this.#spoolPosition = 0;
    this.#pumpSpool(connection, spool);
  }

  #stream(): void {
    const { client } = this.#x;
    if (this.#reading) {
      client.resumeBody();
      return;
    }
    this.#reading = true;
    client.readBody(this.#x, this);
  }

  #framing(spool: StoredBody | null): number {
    const x = this.#x;
    if (spool !== null) return spool.length;
    if (this.#streaming) return x.bodyChunked ? BodyFraming.chunked : x.bodyLength;
    return x.bodyLength === 0 && !x.internal ? 0 : BodyFraming.none;
  }

  #pumpSpool(connection: UpstreamConnection, spool: StoredBody): void {
    while (this.#spoolPosition < spool.length) {
      const chunk = spool.read(this.#spoolPosition);
      if (chunk.length === 0) break;
      this.#spoolPosition += chunk.length;
      if (!connection.write(chunk)) {
        if (this.#stage === Stage.sending) connection.arm(this.#settings.sendTimeout);
        return;
      }
    }
    this.#requestComplete();
  }

  #requestComplete(): void {
    this.#requestWhole = true;
    if (this.#stage !== Stage.sending) return;
    this.#stage = Stage.head;
    this.#connection?.arm(this.#settings.readTimeout);
  }

  onDrain(): void {
    const connection = this.#connection;
    if (connection === null || this.#stage === Stage.connecting || this.#stage === Stage.done)
      return;
    if (this.#streaming) {
      if (this.#bodyEnded) this.#requestComplete();
      else {
        if (this.#stage === Stage.sending) connection.disarm();
        this.#x.client.resumeBody();
      }
      return;
    }
    // An answer may begin while the body is still going out; the server may want the rest of it.
    if (this.#spool !== null) guarded(this.#x, () => this.#resumeSpool(connection));
    else this.#requestComplete();
  }

  #resumeSpool(connection: UpstreamConnection): void {
    if (this.#spool !== null) this.#pumpSpool(connection, this.#spool);
  }

  // ---- the response

  onData(buffer: Buffer, bytes: number): boolean {
    try {
      return this.#stage === Stage.body
        ? this.#onBodyBytes(buffer, 0, bytes)
        : this.#onHeadBytes(buffer, bytes);
    } catch (thrown) {
      guarded(this.#x, () => {
        this.#dropAttempt();
        this.#finish();
        throw thrown;
      });
      return true;
    }
  }

  #onHeadBytes(buffer: Buffer, bytes: number): boolean {
    let input = buffer;
    let end = bytes;
    if (this.#partial.length > 0) {
      input = Buffer.concat([this.#partial, buffer.subarray(0, bytes)]);
      end = input.length;
      this.#partial = noBytes;
    }
    const connection = this.#connection;
    if (connection === null) return true;
    const { head } = connection;
    this.#head = head;
    let start = 0;
    for (;;) {
      const result = parseResponseHead(input, start, end, head, this.#settings.bufferSize);
      if (result === HeadResult.incomplete) {
        this.#partial = Buffer.from(input.subarray(start, end));
        connection.arm(this.#settings.readTimeout);
        return true;
      }
      if (result < 0) {
        this.#invalidHead(result, head.error);
        return true;
      }
      start = result;
      if (head.status === 101) return this.#switchProtocols(connection, input, start, end);
      if (head.status >= 200) return this.#onHead(connection, input, start, end);
      this.#interim += 1;
      if (this.#interim > maxInterim) {
        this.#fail(new SallyportError('UPSTREAM_INVALID_RESPONSE', 'upstream sent too many 1xx'));
        return true;
      }
    }
  }

  #invalidHead(result: number, why: string): void {
    const code: ErrorCode =
      result === HeadResult.fieldTooLarge
        ? 'UPSTREAM_HEADER_TOO_LARGE'
        : 'UPSTREAM_INVALID_RESPONSE';
    const text =
      result === HeadResult.fieldTooLarge
        ? 'upstream sent too big header (proxy_buffer_size)'
        : `upstream sent invalid response: ${why}`;
    this.#fail(new SallyportError(code, text));
  }

  #onHead(connection: UpstreamConnection, input: Buffer, start: number, end: number): boolean {
    const x = this.#x;
    const { head, body } = connection;
    const attempt = this.#try;
    if (attempt !== null) {
      attempt.status = head.status;
      attempt.headerTime = now() - attempt.startedAt;
    }
    if (head.status >= 400 && head.status !== 416 && this.#retryStatus(head.status)) return true;
    x.upstreamHead = head;
    body.begin(responseFraming(head, x.method), head.contentLength);
    this.#body = body;
    const page =
      this.#settings.interceptErrors && head.status >= 300 ? findErrorPage(x, head.status) : null;
    if (page !== null) {
      this.#intercept(input, start, end);
      const challenge = head.status === 401 ? head.fields.get('www-authenticate') : null;
      followErrorPage(x, head.status, page, challenge);
      return true;
    }
    this.#stage = Stage.body;
    // nginx counts what follows the head, chunk sizes included.
    if (attempt !== null) attempt.responseLength = end - start;
    body.feed(input, start, end);
    if (body.error !== null) {
      this.#fail(invalidBody(body.error));
      return true;
    }
    adoptResponse(x, head, this.#settings, this.#destination);
    return this.#sendFirst(input, body);
  }

  // The answer is replaced by an error page. What has come of it decides about the connection.
  #intercept(input: Buffer, start: number, end: number): void {
    const body = this.#body;
    body?.feed(input, start, end);
    this.#account();
    this.#releaseConnection(body?.complete === true && !body.excess);
    this.#finish();
  }

  // Head and the first bytes of the body leave in one write; a small answer is over with it.
  #sendFirst(input: Buffer, body: ResponseBody): boolean {
    const x = this.#x;
    let first = gather(input, body);
    let done: (() => void) | undefined;
    if (first !== null && first.length > copiedBytes) {
      const connection = this.#connection;
      if (connection !== null && connection.isReading(first)) {
        const kept = connection.keep(body.starts[0] ?? 0, body.ends[0] ?? 0);
        first = kept;
        done = () => connection.release(kept);
      } else {
        done = nothing;
      }
    }
    if (body.complete) {
      this.#account();
      this.#releaseConnection(!body.excess);
      this.#finish();
      x.client.sendHead(x, first, true, done);
      return true;
    }
    this.#connection?.arm(this.#settings.readTimeout);
    return x.client.sendHead(x, first, false, done) || this.#mayBuffer() || this.#pause();
  }

  #onBodyBytes(buffer: Buffer, start: number, end: number): boolean {
    const x = this.#x;
    const body = this.#body;
    const connection = this.#connection;
    if (body === null || connection === null) return true;
    if (this.#try !== null) this.#try.responseLength += end - start;
    body.feed(buffer, start, end);
    const ready = this.#sendParts(connection, body, end);
    if (body.error !== null) {
      this.#fail(invalidBody(body.error));
      return true;
    }
    if (body.complete) {
      this.#account();
      this.#releaseConnection(!body.excess);
      this.#finish();
      x.client.endBody(x);
      return true;
    }
    connection.arm(this.#settings.readTimeout);
    return ready || this.#mayBuffer() || this.#pause();
  }

  // The whole read is kept once, its parts are views on it, and the last part's write gives it back.
  #sendParts(connection: UpstreamConnection, body: ResponseBody, end: number): boolean {
    const x = this.#x;
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
  #mayBuffer(): boolean {
    return this.#settings.buffering && this.#x.client.unsent < this.#settings.buffersBytes;
  }

  #pause(): boolean {
    this.#paused = true;
    this.#connection?.disarm();
    return false;
  }

  onClientDrain(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#connection?.arm(this.#settings.readTimeout);
    this.#connection?.resume();
  }

  #switchProtocols(
    connection: UpstreamConnection,
    input: Buffer,
    start: number,
    end: number,
  ): boolean {
    const x = this.#x;
    const { head } = connection;
    if (x.request.upgrade === null || !asksForUpgrade(this.#settings.head, x)) {
      this.#fail(
        new SallyportError('UPSTREAM_INVALID_RESPONSE', 'upstream sent 101 without being asked'),
      );
      return true;
    }
    const attempt = this.#try;
    if (attempt !== null) {
      attempt.status = 101;
      attempt.headerTime = now() - attempt.startedAt;
    }
    x.upstreamHead = head;
    const upgrade = head.upgrade;
    adoptResponse(x, head, this.#settings, this.#destination);
    x.contentLength = -1;
    if (upgrade !== null) x.fields.add('Upgrade', upgrade);
    x.keepAlive = false;
    connection.disarm();
    this.#stage = Stage.done;
    const early = end > start ? Buffer.from(input.subarray(start, end)) : null;
    const tunnel = new Tunnel(x, connection, this.#settings, () => {
      this.#reportPeer('ok');
      this.#account();
      this.#connection = null;
    });
    x.client.sendHead(x, null, false);
    tunnel.start(early);
    return true;
  }

  // ---- ends

  onEnd(): void {
    const body = this.#body;
    if (this.#stage === Stage.body && body?.endsWithConnection === true) {
      this.#account();
      this.#reportPeer('ok');
      this.#connection?.destroy();
      this.#connection = null;
      this.#finish();
      const x = this.#x;
      guarded(x, () => x.client.endBody(x));
      return;
    }
    const what =
      this.#stage === Stage.body ? 'reading upstream' : 'reading response header from upstream';
    this.#fail(
      new SallyportError(
        'UPSTREAM_CLOSED_EARLY',
        `upstream prematurely closed connection while ${what}`,
      ),
    );
  }

  onError(error: SallyportError): void {
    this.#fail(error);
  }

  onTimeout(): void {
    const code: ErrorCode =
      this.#stage === Stage.connecting
        ? 'UPSTREAM_CONNECT_TIMEOUT'
        : this.#stage === Stage.sending
          ? 'UPSTREAM_SEND_TIMEOUT'
          : 'UPSTREAM_READ_TIMEOUT';
    this.#fail(
      new SallyportError(
        code,
        `upstream timed out (110: Connection timed out) while ${this.#doing()}`,
      ),
    );
  }

  #doing(): string {
    if (this.#stage === Stage.connecting) return 'connecting to upstream';
    if (this.#stage === Stage.sending) return 'sending request to upstream';
    return this.#stage === Stage.head
      ? 'reading response header from upstream'
      : 'reading upstream';
  }

  /** Something went wrong at this server: another one, the same one afresh, or the end. */
  #fail(error: SallyportError): void {
    if (this.#stage === Stage.done) return;
    const x = this.#x;
    const attempt = this.#try;
    const responseBytes = this.#responseBytes > 0;
    const reused = this.#connection?.reused === true;
    logError(x, error.level, `${error.code}: ${error.message}`, this.#url());
    if (attempt !== null) {
      if (attempt.status === 0) attempt.status = error.status;
      if (error.code.startsWith('UPSTREAM_TLS_')) attempt.tlsFailure = error.code;
    }
    this.#account();
    this.#connection?.destroy();
    this.#connection = null;
    if (!this.#again(error.code, responseBytes, reused)) {
      this.#finish();
      if (x.headSent) {
        guarded(x, () => x.client.abortBody(x));
        return;
      }
      // What was taken over of the broken response must not show in the answer.
      x.resetResponse();
      guarded(x, () => answerStatus(x, error.status));
    }
  }

  #retryStatus(status: number): boolean {
    const connection = this.#connection;
    const decision = mayTryNext(status, this.#retryState(true, false));
    if (decision !== 'next') return false;
    this.#account();
    connection?.destroy();
    this.#connection = null;
    return this.#again(status, true, false);
  }

  #retryState(responseBytes: boolean, reused: boolean): RetryState {
    const { retry, retryTimeout } = this.#settings;
    const elapsed = now() - this.#startedAt;
    return {
      conditions: retry,
      method: this.#x.request.method,
      requestSent: this.#requestSent,
      bodyLost: this.#streamed,
      responseBytes,
      answerStarted: this.#x.headSent,
      reusedConnection: reused,
      triesLeft: this.#triesLeft - 1,
      timeLeft: retryTimeout > 0 ? retryTimeout - elapsed : Infinity,
    };
  }

  // True: another attempt is under way.
  #again(failure: Failure, responseBytes: boolean, reused: boolean): boolean {
    const decision = mayTryNext(failure, this.#retryState(responseBytes, reused));
    const peer = this.#peer;
    if (decision === 'same-fresh' && peer !== null) {
      guarded(this.#x, () => this.#open(peer, false));
      return true;
    }
    this.#reportPeer(outcomeOf(failure, decision));
    if (decision !== 'next' || peer === null) return false;
    this.#triesLeft -= 1;
    this.#tried ??= new Tried();
    this.#tried.add(peer);
    guarded(this.#x, () => this.#connect());
    return true;
  }

  onClientAborted(): void {
    if (this.#stage === Stage.done) return;
    this.#dropAttempt();
    if (this.#try !== null && this.#try.status === 0) this.#try.status = 499;
    this.#finish();
  }

  /** Ends the attempt for a reason that says nothing about the server. */
  #dropAttempt(): void {
    this.#account();
    this.#reportPeer('neutral');
    this.#connection?.destroy();
    this.#connection = null;
  }

  #releaseConnection(clean: boolean): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#connection = null;
    this.#reportPeer('ok');
    connection.disarm();
    // Not before the whole request went out: the rest of it would be the start of the next one.
    if (clean && this.#requestWhole && this.#bodyEnded && this.#head?.keepAlive === true) {
      this.#destination.live.pool.put(connection);
    } else {
      connection.destroy();
    }
  }

  #reportPeer(outcome: 'ok' | 'failed' | 'neutral'): void {
    const peer = this.#peer;
    if (peer === null) return;
    this.#peer = null;
    this.#destination.live.group.balancer.report(peer, outcome);
  }

  get #responseBytes(): number {
    return (this.#connection?.bytesReceived ?? 0) - this.#receivedBefore;
  }

  #account(): void {
    const attempt = this.#try;
    const connection = this.#connection;
    if (attempt === null) return;
    attempt.responseTime = now() - attempt.startedAt;
    if (connection === null) return;
    attempt.bytesSent = connection.bytesSent - this.#sentBefore;
    attempt.bytesReceived = connection.bytesReceived - this.#receivedBefore;
  }

  #finish(): void {
    this.#stage = Stage.done;
    // The exchange keeps the stored body: an error page may pass the request on once more.
    this.#spool = null;
    if (this.#streaming) this.#x.dropBody();
    this.#x.owner = null;
  }

  #url(): string {
    const { origin, secure, uri } = this.#destination;
    const where =
      this.#peer === null ? origin : `${secure ? 'https' : 'http'}://${this.#peer.name}`;
    return `${where}${uri ?? this.#x.request.target}`;
  }
}

function writeHead(
  connection: UpstreamConnection,
  head: string,
  body: readonly Buffer[] | null,
): boolean {
  const [first] = body ?? [];
  if (body === null || first === undefined) return connection.write(head);
  if (body.length === 1 && first.length <= copiedBytes) {
    return connection.write(head + first.toString('latin1'));
  }
  connection.cork();
  let ready = connection.write(head);
  for (const chunk of body) ready = connection.write(chunk);
  connection.uncork();
  return ready;
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
