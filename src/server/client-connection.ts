// One client connection: reads heads and bodies, starts exchanges one at a time (pipelined requests
// wait in `#input`), writes responses, keeps the connection alive or closes it.
//
//   idle ──bytes──▶ head ──complete──▶ busy ◀──▶ body         (busy: the exchange is under way)
//    ▲                                  │
//    └───────── keepalive ──────────────┤── upgrade ──▶ tunnel
//                                       └── close ──▶ lingering ──▶ closed

import type { Socket } from 'node:net';
import { now } from '../base/clock.ts';
import { CoarseTimer } from '../base/coarse-timer.ts';
import type { BodySink, ClientTls, Downstream, TunnelEnd } from '../exchange/downstream.ts';
import { Exchange } from '../exchange/exchange.ts';
import { chunkHeader, lastChunk } from '../http1/chunked.ts';
import { Fields } from '../http1/fields.ts';
import { HeadResult, parseRequestHead, RequestHead } from '../http1/request-head.ts';
import { failInternally, guarded, locationOf } from './phases.ts';
import { RequestBodyReader } from './request-body.ts';
import { logError } from './request-log.ts';
import { composeResponseHead, isBodyless } from './response-head.ts';
import { rejectHead, route, type ChosenHost } from './router.ts';
import type { ClientSettings } from './location.ts';
import type { Port } from './virtual-server.ts';

const State = { idle: 0, head: 1, busy: 2, tunnel: 3, lingering: 4, closed: 5 } as const;
const Waiting = { nothing: 0, head: 1, body: 2, send: 3, keepalive: 4, lingering: 5 } as const;

/** Bodies up to this size leave in one string with the head: one write, one copy, no cork. */
const inlineBodyBytes = 8192;
/** Pipelined bytes kept while an exchange is under way; more wait in the kernel. */
const pipelineBytes = 65_536;

const noBytes = Buffer.alloc(0);

/** What a connection needs of the listener that accepted it. */
export interface ConnectionHost {
  /** The port in its current snapshot. */
  readonly port: Port;
  readonly draining: boolean;
  nextConnectionId(): number;
  onClosed(connection: ClientConnection): void;
}

export class ClientConnection implements Downstream {
  readonly id: number;
  readonly startedAt: number;
  requests = 0;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: ClientTls | null;
  /** By which rules client certificates were judged; empty for plain connections. */
  readonly policyKey: string;
  readonly host: ConnectionHost;
  /** For the router. */
  lastHost: ChosenHost | null = null;

  readonly #socket: Socket;
  readonly #raw: Socket;
  readonly #timer: CoarseTimer;
  readonly #body = new RequestBodyReader();
  #state: number = State.idle;
  #waiting: number = Waiting.nothing;
  #input: Buffer = noBytes;
  /** Used for one request after the other, as there is only one at a time. */
  readonly #head = new RequestHead();
  readonly #fields = new Fields();
  #headStartedAt = 0;
  #exchange: Exchange | null = null;
  #sink: BodySink | null = null;
  #bodyPaused = false;
  #mustContinue = false;
  #tunnel: TunnelEnd | null = null;
  #processing = false;
  /** Of the location of the last request: what holds between two requests. */
  #settings: ClientSettings | null = null;
  #lingerUntil = 0;
  /** What had not left when the wait for the client to read began. */
  #unsentBefore = 0;
  #ended = false;
  #closed = false;

  constructor(socket: Socket, raw: Socket, host: ConnectionHost, secure: SecureFacts | null) {
    this.id = host.nextConnectionId();
    this.startedAt = now();
    this.remoteAddress = plainAddress(raw.remoteAddress);
    this.remotePort = raw.remotePort ?? 0;
    this.localAddress = plainAddress(raw.localAddress);
    this.localPort = raw.localPort ?? 0;
    this.tls = secure?.tls ?? null;
    this.policyKey = secure?.policyKey ?? '';
    this.host = host;
    this.#socket = socket;
    this.#raw = raw;
    this.#timer = new CoarseTimer(() => this.#onTimer());
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onDrain());
    socket.on('error', () => this.#onClose());
    socket.on('close', () => this.#onClose());
    this.#wait(Waiting.head, host.port.defaultServer.clientHeaderTimeout);
  }

  /** Is it between two requests, so that it may be closed without loss? */
  get idle(): boolean {
    return this.#state === State.idle && this.#input.length === 0;
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  get busy(): boolean {
    return this.#exchange !== null || this.#state === State.tunnel;
  }

  // ---- reading

  #onData(chunk: Buffer): void {
    if (this.#state === State.tunnel) {
      this.#tunnel?.onTunnelData(chunk);
      return;
    }
    if (this.#state >= State.lingering) {
      if (this.#waiting === Waiting.lingering) this.#lingerOn();
      return;
    }
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    this.#process();
  }

  // One loop for all that may be in the input; handlers that finish synchronously come back into it
  // instead of recursing.
  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    while (this.#input.length > 0) {
      if (this.#state === State.busy) {
        if (!this.#processBody()) break;
      } else if (this.#state <= State.head) {
        if (!this.#processHead()) break;
      } else {
        break;
      }
    }
    this.#processing = false;
  }

  #processHead(): boolean {
    const input = this.#input;
    const { defaultServer } = this.host.port;
    if (this.#state === State.idle) {
      this.#state = State.head;
      this.#headStartedAt = now();
      this.#wait(Waiting.head, defaultServer.clientHeaderTimeout);
    }
    const head = this.#head;
    const end = parseRequestHead(input, 0, input.length, head, defaultServer.limits);
    if (end === HeadResult.incomplete) return false;
    this.#timer.rest();
    this.#waiting = Waiting.nothing;
    this.#state = State.busy;
    this.requests += 1;
    const x = this.#newExchange();
    if (end < 0) {
      x.requestLength = input.length;
      this.#input = noBytes;
      this.#body.begin(0, 0);
      rejectHead(x, end);
      return false;
    }
    this.#input = end === input.length ? noBytes : input.subarray(end);
    this.#body.begin(head.chunked ? -1 : Math.max(head.contentLength, 0), 0);
    this.#mustContinue = head.expectContinue;
    guarded(x, route);
    return true;
  }

  #newExchange(): Exchange {
    const fields = this.#fields;
    if (fields.names.length > 0) fields.clear();
    const x = new Exchange(this, {
      request: this.#head,
      server: this.host.port.defaultServer,
      startedAt: this.#headStartedAt,
      fields,
    });
    this.#exchange = x;
    return x;
  }

  // True: something was taken and there may be more to do.
  #processBody(): boolean {
    const body = this.#body;
    if (body.ended || body.failed !== 0 || (this.#sink === null && this.#exchange !== null)) {
      if (this.#input.length >= pipelineBytes) this.#socket.pause();
      return false;
    }
    if (this.#bodyPaused) return false;
    const input = this.#input;
    this.#input = noBytes;
    const position = body.feed(input, 0, this.#sink);
    if (position < input.length) this.#input = input.subarray(position);
    const x = this.#exchange;
    if (x !== null) x.requestLength += position;
    if (body.failed !== 0) this.#failBody(body.failed, body.error);
    else if (body.ended) this.#finishBody();
    else if (this.#waiting === Waiting.body && x !== null) {
      this.#wait(Waiting.body, locationOf(x).client.clientBodyTimeout);
    } else if (this.#waiting === Waiting.lingering) this.#lingerOn();
    return position > 0;
  }

  #finishBody(): void {
    const sink = this.#sink;
    this.#sink = null;
    if (this.#waiting === Waiting.body || this.#waiting === Waiting.lingering) this.#stopWaiting();
    // Nobody will resume a body that has been read to its end.
    if (this.#bodyPaused) {
      this.#bodyPaused = false;
      this.#socket.resume();
    }
    const x = this.#exchange;
    if (x === null) {
      this.#nextRequest();
      return;
    }
    if (sink !== null) guarded(x, () => sink.onBodyEnd());
  }

  #failBody(status: number, why: string): void {
    const sink = this.#sink;
    const x = this.#exchange;
    this.#sink = null;
    this.#input = noBytes;
    if (x === null || sink === null) {
      this.#destroy();
      return;
    }
    x.keepAlive = false;
    logError(x, status === 413 ? 'error' : 'info', why);
    guarded(x, () => sink.onBodyFailed(status));
  }

  readBody(x: Exchange, sink: BodySink): void {
    if (this.#body.ended) {
      sink.onBodyEnd();
      return;
    }
    this.#body.limit = locationOf(x).client.clientMaxBodySize;
    this.#sink = sink;
    this.#wait(Waiting.body, locationOf(x).client.clientBodyTimeout);
    if (this.#mustContinue && this.#input.length === 0) this.sendContinue();
    this.#mustContinue = false;
    // It may have been paused while nobody wanted the body.
    if (!this.#bodyPaused && this.#socket.isPaused()) this.#socket.resume();
    if (this.#processing) {
      // The loop above us goes on with the body as soon as the handler has returned.
      return;
    }
    this.#process();
  }

  sendContinue(): void {
    if (!this.#closed) this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  pauseBody(): void {
    this.#bodyPaused = true;
    this.#stopWaiting();
    this.#socket.pause();
  }

  resumeBody(): void {
    if (!this.#bodyPaused) return;
    this.#bodyPaused = false;
    const x = this.#exchange;
    if (x !== null && this.#sink !== null) {
      this.#wait(Waiting.body, locationOf(x).client.clientBodyTimeout);
    }
    this.#socket.resume();
    this.#process();
  }

  // ---- writing

  sendHead(x: Exchange, first: Buffer | null, last: boolean, done?: () => void): boolean {
    const location = locationOf(x);
    for (const filter of location.headerFilters) filter(x);
    this.#decideKeepAlive(x);
    const head = composeResponseHead(x, location);
    x.headSent = true;
    x.bytesSent += head.length;
    if (this.#closed) {
      done?.();
      if (last) this.#complete(x);
      return true;
    }
    const withoutBody = x.method === 'HEAD' || isBodyless(x.status);
    let ready: boolean;
    if (first === null || first.length === 0 || withoutBody) {
      done?.();
      const empty = last && x.chunked;
      if (empty) countBody(x, lastChunk.length);
      ready = this.#socket.write(empty ? head + lastChunk : head, 'latin1');
    } else {
      ready = this.#writeHeadAndBody(x, head, { bytes: first, last, done });
    }
    if (last) this.#complete(x);
    else if (!ready) this.#waitForDrain();
    return ready;
  }

  #writeHeadAndBody(x: Exchange, head: string, body: FirstBytes): boolean {
    const socket = this.#socket;
    const { bytes: first, last, done } = body;
    const before = x.chunked ? head + chunkHeader(first.length) : head;
    const after = x.chunked ? (last ? `\r\n${lastChunk}` : '\r\n') : '';
    countBody(x, before.length - head.length + after.length + first.length);
    if (first.length <= inlineBodyBytes) {
      done?.();
      return socket.write(before + first.toString('latin1') + after, 'latin1');
    }
    socket.cork();
    socket.write(before, 'latin1');
    // A caller who may reuse the buffer at once gets a copy written.
    let ready = done === undefined ? socket.write(Buffer.from(first)) : socket.write(first, done);
    if (after !== '') ready = socket.write(after, 'latin1');
    socket.uncork();
    return ready;
  }

  sendBody(x: Exchange, chunk: Buffer, done: (() => void) | null): boolean {
    if (this.#closed || x.method === 'HEAD' || isBodyless(x.status)) {
      done?.();
      return true;
    }
    const socket = this.#socket;
    countBody(x, chunk.length);
    let ready: boolean;
    if (x.chunked) {
      const size = chunkHeader(chunk.length);
      countBody(x, size.length + 2);
      socket.cork();
      socket.write(size, 'latin1');
      socket.write(chunk, done ?? undefined);
      ready = socket.write('\r\n', 'latin1');
      socket.uncork();
    } else {
      ready = socket.write(chunk, done ?? undefined);
    }
    if (!ready) this.#waitForDrain();
    return ready;
  }

  endBody(x: Exchange): void {
    if (x.chunked && !this.#closed) {
      countBody(x, lastChunk.length);
      this.#socket.write(lastChunk, 'latin1');
    }
    this.#complete(x);
  }

  abortBody(x: Exchange): void {
    x.keepAlive = false;
    const unframed = x.headSent && !x.chunked && x.contentLength < 0;
    this.#finish(x);
    // Without framing a FIN would look like the end of the body; a reset does not. Over TLS it is
    // the missing close_notify that tells, but few clients look.
    if (unframed && !this.#closed) this.#raw.resetAndDestroy();
    this.#destroy();
  }

  #decideKeepAlive(x: Exchange): void {
    if (!x.keepAlive) return;
    const { client } = locationOf(x);
    x.keepAlive =
      client.keepaliveTimeout > 0 &&
      this.requests < client.keepaliveRequests &&
      !this.#ended &&
      !this.host.draining &&
      now() - this.startedAt < client.keepaliveTime &&
      // A body that the client holds back until "100 Continue" may never come.
      !(this.#mustContinue && !this.#body.ended);
  }

  #waitForDrain(): void {
    this.#unsentBefore = this.#socket.writableLength;
    this.#wait(Waiting.send, this.#client.sendTimeout);
  }

  /** Settings of the location at hand, or of the last one. */
  get #client(): ClientSettings {
    if (this.#exchange !== null) return locationOf(this.#exchange).client;
    return this.#settings ?? this.host.port.defaultServer.outside.client;
  }

  #complete(x: Exchange): void {
    x.completed = true;
    this.#finish(x);
    if (this.#closed) return;
    if (!x.keepAlive) this.#linger();
    else if (this.#socket.writableNeedDrain) this.#waitForDrain();
    else this.#goOn();
  }

  #goOn(): void {
    if (this.#body.ended) this.#nextRequest();
    else this.#discardBody();
  }

  // The response is out but the client still sends: its body is read and thrown away, for as long
  // as the lingering timeouts allow, so that the next request can be found.
  #discardBody(): void {
    this.#sink = null;
    this.#lingerUntil = now() + this.#client.lingeringTime;
    this.#wait(Waiting.lingering, this.#client.lingeringTimeout);
    if (this.#bodyPaused) this.#bodyPaused = false;
    this.#socket.resume();
    this.#process();
  }

  #nextRequest(): void {
    this.#state = State.idle;
    if (this.#ended && this.#input.length === 0) {
      this.#closeSoon();
      return;
    }
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#input.length > 0) {
      this.#process();
      return;
    }
    if (this.host.draining) {
      this.closeIdle();
      return;
    }
    this.#wait(Waiting.keepalive, this.#client.keepaliveTimeout);
  }

  // Sends FIN and reads on for a while: closing with unread input would reset the connection, and
  // the client could lose the response (nginx: lingering_close).
  #linger(): void {
    if (this.#ended) {
      this.#closeSoon();
      return;
    }
    this.#state = State.lingering;
    this.#input = noBytes;
    this.#lingerUntil = now() + this.#client.lingeringTime;
    const unsent = this.#socket.writableLength > 0;
    if (unsent) this.#waitForDrain();
    this.#socket.end(unsent ? this.#onSent : undefined);
    this.#socket.resume();
    if (!unsent) this.#wait(Waiting.lingering, this.#client.lingeringTimeout);
  }

  readonly #onSent = (): void => {
    if (this.#waiting === Waiting.send)
      this.#wait(Waiting.lingering, this.#client.lingeringTimeout);
  };

  #lingerOn(): void {
    if (now() >= this.#lingerUntil) this.#destroy();
    else this.#wait(Waiting.lingering, this.#client.lingeringTimeout);
  }

  // What is written leaves first, for as long as the client goes on reading.
  #closeSoon(): void {
    this.#state = State.lingering;
    this.#input = noBytes;
    this.#waitForDrain();
    this.#socket.destroySoon();
  }

  #finish(x: Exchange): void {
    if (x.finished) return;
    x.finished = true;
    x.owner = null;
    x.storedBody?.close();
    this.#exchange = null;
    this.#sink = null;
    const location = locationOf(x);
    this.#settings = location.client;
    for (const log of location.logHandlers) {
      try {
        log(x);
      } catch (thrown) {
        failInternally(x, thrown);
      }
    }
  }

  // ---- tunnels

  startTunnel(x: Exchange, end: TunnelEnd): Buffer | null {
    this.#state = State.tunnel;
    this.#tunnel = end;
    this.#stopWaiting();
    x.keepAlive = false;
    const early = this.#input;
    this.#input = noBytes;
    this.#socket.resume();
    return early.length === 0 ? null : early;
  }

  writeTunnel(chunk: Buffer): boolean {
    const x = this.#exchange;
    if (x !== null) {
      x.bytesSent += chunk.length;
      x.bodyBytesSent += chunk.length;
    }
    return this.#closed || this.#socket.write(chunk);
  }

  endTunnel(): void {
    if (!this.#closed) this.#socket.end();
  }

  closeTunnel(x: Exchange): void {
    this.#tunnel = null;
    x.completed = true;
    this.#finish(x);
    if (!this.#closed) this.#closeSoon();
  }

  pauseTunnel(): void {
    this.#socket.pause();
  }

  resumeTunnel(): void {
    this.#socket.resume();
  }

  // ---- events and time

  #onDrain(): void {
    if (this.#waiting === Waiting.send) this.#stopWaiting();
    if (this.#state === State.tunnel) {
      this.#tunnel?.onTunnelDrain();
      return;
    }
    const x = this.#exchange;
    if (x !== null) {
      this.#drained(x);
      return;
    }
    if (this.#state === State.busy) this.#goOn();
  }

  #drained(x: Exchange): void {
    const { owner } = x;
    if (owner !== null) guarded(x, () => owner.onClientDrain());
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#state === State.tunnel) {
      this.#tunnel?.onTunnelEnd();
      return;
    }
    const x = this.#exchange;
    if (x !== null) {
      // The body was not complete, or nobody is left to read the answer.
      if (!this.#survivesAbort(x)) this.#abandon(x);
    } else if (this.#state !== State.busy || !this.#body.ended) this.#closeSoon();
  }

  // What is asked for must be known, and the body that belongs to it.
  #survivesAbort(x: Exchange): boolean {
    return x.owner?.survivesAbort === true && this.#body.ended;
  }

  #onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#state = State.closed;
    this.#timer.disarm();
    const tunnel = this.#tunnel;
    this.#tunnel = null;
    tunnel?.onTunnelClosed();
    const x = this.#exchange;
    if (x !== null && !this.#survivesAbort(x)) this.#abandon(x);
    // Who goes on without the client must not wait until it reads.
    else if (x !== null) this.#drained(x);
    this.#socket.destroy();
    this.#raw.destroy();
    this.host.onClosed(this);
  }

  #abandon(x: Exchange): void {
    const { owner } = x;
    if (!x.headSent) x.status = 499;
    x.keepAlive = false;
    x.owner = null;
    if (owner !== null) guarded(x, () => owner.onClientAborted());
    this.#finish(x);
    this.#destroy();
  }

  #wait(what: number, ms: number): void {
    this.#waiting = what;
    this.#timer.arm(Math.max(ms, 1));
  }

  #stopWaiting(): void {
    this.#waiting = Waiting.nothing;
    this.#timer.rest();
  }

  #onTimer(): void {
    const waiting = this.#waiting;
    this.#waiting = Waiting.nothing;
    const x = this.#exchange;
    if (waiting === Waiting.body && x !== null) {
      this.#failBody(408, 'client timed out sending its body (client_body_timeout)');
      return;
    }
    if (waiting === Waiting.send && this.#socket.writableLength < this.#unsentBefore) {
      this.#waitForDrain();
      return;
    }
    if (waiting === Waiting.send && x !== null) {
      logError(x, 'info', 'client timed out taking the response (send_timeout)');
      this.#abandon(x);
      return;
    }
    if (waiting === Waiting.head && this.#state === State.head) this.#rejectSlowHead();
    else if (waiting === Waiting.keepalive) this.#closeSoon();
    else this.#destroy();
  }

  #rejectSlowHead(): void {
    this.#head.reset();
    const x = this.#newExchange();
    x.status = 408;
    this.abortBody(x);
  }

  /** Closes it if nothing is under way; for keepalive connections at shutdown. */
  closeIdle(): void {
    if (this.idle) this.#closeSoon();
  }

  /** Closes it at once, whatever is under way. */
  destroy(): void {
    this.#destroy();
  }

  #destroy(): void {
    this.#socket.destroy();
    this.#raw.destroy();
    this.#onClose();
  }
}

/** The part of a body that leaves with the head. */
interface FirstBytes {
  readonly bytes: Buffer;
  readonly last: boolean;
  readonly done: (() => void) | undefined;
}

/** What the TLS door learnt. */
export interface SecureFacts {
  readonly tls: ClientTls;
  readonly policyKey: string;
}

// As nginx counts: the body is all that follows the head, chunk sizes included.
function countBody(x: Exchange, bytes: number): void {
  x.bytesSent += bytes;
  x.bodyBytesSent += bytes;
}

// A dual-stack socket shows IPv4 clients as ::ffff:a.b.c.d.
function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unix:';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
