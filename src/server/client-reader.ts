// The reading half of a client connection: takes heads and bodies out of the input, one request at a
// time (pipelined ones wait in `input`), and starts an exchange for each head. client-connection.ts
// builds the writing half on top of it.

import type { Socket } from 'node:net';
import { now } from '../base/clock.ts';
import { CoarseTimer } from '../base/coarse-timer.ts';
import { DirectWriter } from '../base/direct-write.ts';
import type {
  BodySink,
  ClientTls,
  Downstream,
  FirstPart,
  TunnelEnd,
} from '../exchange/downstream.ts';
import { Exchange } from '../exchange/exchange.ts';
import { Fields } from '../http1/fields.ts';
import { HeadSearch } from '../http1/head-search.ts';
import type { ProxyHeader } from '../http1/proxy-protocol.ts';
import { HeadResult, parseRequestHead, RequestHead } from '../http1/request-head.ts';
import type { ConnectionHost, DoorFacts } from './connection-host.ts';
import { plainAddress } from './connection-host.ts';
import type { ClientSettings } from './location.ts';
import { guarded, locationOf } from './phases.ts';
import { RequestBodyReader } from './request-body.ts';
import { logError } from './request-log.ts';
import { rejectHead, route, type ChosenHost } from './router.ts';
import { keepBytes, sharedReads, shareReads } from './shared-reads.ts';

export const State = { idle: 0, head: 1, busy: 2, tunnel: 3, lingering: 4, closed: 5 } as const;
/** What the connection's one timer waits for. */
export const Waiting = {
  nothing: 0,
  head: 1,
  body: 2,
  send: 3,
  keepalive: 4,
  lingering: 5,
} as const;

/** Pipelined bytes kept while an exchange is under way; more wait in the kernel. */
const pipelineBytes = 65_536;

export const noBytes: Buffer = Buffer.alloc(0);

export abstract class ClientReader implements Downstream {
  readonly id: number;
  readonly startedAt: number;
  requests = 0;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: ClientTls | null;
  readonly proxied: ProxyHeader | null;
  /** By which rules client certificates were judged; empty for plain connections. */
  readonly policyKey: string;
  readonly host: ConnectionHost;
  /** For the router. */
  lastHost: ChosenHost | null = null;

  protected readonly socket: Socket;
  protected readonly raw: Socket;
  /** Null: the connection has TLS. */
  protected readonly direct: DirectWriter | null;
  protected readonly timer: CoarseTimer;
  protected readonly body = new RequestBodyReader();
  protected state: number = State.idle;
  protected waiting: number = Waiting.nothing;
  protected input: Buffer = noBytes;
  /** Used for one request after the other, as there is only one at a time. */
  protected readonly head = new RequestHead();
  protected readonly fields = new Fields();
  protected headStartedAt = 0;
  /** The beginning of a head has come and waits for the rest. */
  protected partial = false;
  /** Of a head that comes in pieces: how far it was searched, and room for more of it. */
  protected search: HeadSearch | null = null;
  protected room: Buffer | null = null;
  protected exchange: Exchange | null = null;
  protected sink: BodySink | null = null;
  protected bodyPaused = false;
  protected mustContinue = false;
  /** Was the next request there already when the one before it ended? */
  protected pipelined = false;
  protected tunnel: TunnelEnd | null = null;
  protected processing = false;
  /** Of the location of the last request: what holds between two requests. */
  protected settings: ClientSettings | null = null;
  protected lingerUntil = 0;
  /** What had not left when the wait for the client to read began. */
  protected unsentBefore = 0;
  protected ended = false;
  protected closed = false;
  /** What followed the last head is not known. */
  protected headRefused = false;
  /** Was its client judged by rules that hold no longer? */
  protected outdated = false;

  constructor(socket: Socket, raw: Socket, host: ConnectionHost, facts: DoorFacts | null) {
    this.id = host.nextConnectionId();
    this.startedAt = now();
    this.remoteAddress = plainAddress(raw.remoteAddress);
    this.remotePort = raw.remotePort ?? 0;
    this.localAddress = plainAddress(raw.localAddress);
    this.localPort = raw.localPort ?? 0;
    this.tls = facts?.tls ?? null;
    this.proxied = facts?.proxied ?? null;
    this.policyKey = facts?.policyKey ?? '';
    this.host = host;
    this.socket = socket;
    this.raw = raw;
    this.direct = socket === raw ? new DirectWriter(socket) : null;
    this.timer = new CoarseTimer(() => this.onTimer());
    const shared = shareReads(socket, (bytes) => this.onShared(bytes));
    if (!shared) socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.on('end', () => this.onEnd());
    socket.on('drain', () => this.onDrain());
    socket.on('error', () => this.onClose());
    socket.on('close', () => this.onClose());
    this.wait(Waiting.head, host.port.defaultServer.clientHeaderTimeout);
  }

  // ---- reading

  // The bytes are good during this call.
  protected onShared(bytes: number): void {
    const chunk = sharedReads.subarray(0, bytes);
    if (this.state === State.tunnel) {
      this.onData(Buffer.from(chunk));
      return;
    }
    this.onData(chunk);
    if (this.input.length > 0) this.input = keepBytes(this.input);
  }

  protected onData(chunk: Buffer): void {
    if (this.state === State.tunnel) {
      this.tunnel?.onTunnelData(chunk);
      return;
    }
    if (this.state >= State.lingering) {
      if (this.waiting === Waiting.lingering) this.lingerOn();
      return;
    }
    if (this.input.length === 0) this.input = chunk;
    else if (this.partial) this.gather(chunk);
    else this.input = Buffer.concat([this.input, chunk]);
    this.process();
  }

  // Room doubles, so that a head of many pieces is copied a few times, not at each of them.
  protected gather(chunk: Buffer): void {
    const { input } = this;
    const length = input.length + chunk.length;
    let room = this.room;
    if (room === null || room.length < length) {
      room = Buffer.allocUnsafe(length * 2);
      input.copy(room);
      this.room = room;
    }
    chunk.copy(room, input.length);
    this.input = room.subarray(0, length);
  }

  // One loop for all that may be in the input; handlers that finish synchronously come back into it
  // instead of recursing.
  protected process(): void {
    if (this.processing) return;
    this.processing = true;
    while (this.input.length > 0) {
      if (this.state === State.busy) {
        if (!this.processBody()) break;
      } else if (this.state <= State.head) {
        if (!this.processHead()) break;
      } else {
        break;
      }
    }
    this.processing = false;
  }

  protected processHead(): boolean {
    const input = this.input;
    const { defaultServer } = this.host.port;
    if (this.state === State.idle) {
      this.state = State.head;
      this.headStartedAt = now();
      this.wait(Waiting.head, defaultServer.clientHeaderTimeout);
    }
    const head = this.head;
    if (this.search?.concludes(input, defaultServer.limits) === false) return false;
    const end = parseRequestHead(input, 0, input.length, head, defaultServer.limits);
    if (end === HeadResult.incomplete) {
      this.awaitHead(input);
      return false;
    }
    if (this.partial) this.countPartial(false);
    this.timer.rest();
    this.waiting = Waiting.nothing;
    this.state = State.busy;
    this.requests += 1;
    const x = this.newExchange();
    if (end < 0) {
      x.requestLength = input.length;
      this.input = noBytes;
      this.body.begin(0, 0);
      this.headRefused = true;
      rejectHead(x, end);
      return false;
    }
    this.input = end === input.length ? noBytes : input.subarray(end);
    this.body.begin(head.chunked ? -1 : Math.max(head.contentLength, 0), 0);
    this.mustContinue = head.expectContinue;
    guarded(x, route);
    return true;
  }

  protected awaitHead(input: Buffer): void {
    if (this.partial) return;
    this.countPartial(true);
    this.search = new HeadSearch();
    this.search.concludes(input, this.host.port.defaultServer.limits);
  }

  protected countPartial(partial: boolean): void {
    this.partial = partial;
    this.search = null;
    this.room = null;
    this.host.counters.partial(partial ? 1 : -1);
  }

  protected newExchange(): Exchange {
    this.host.counters.started();
    const fields = this.fields;
    if (fields.names.length > 0) fields.clear();
    const x = new Exchange(this, {
      request: this.head,
      server: this.host.port.defaultServer,
      startedAt: this.headStartedAt,
      fields,
    });
    x.pipelined = this.pipelined;
    this.exchange = x;
    return x;
  }

  // True: something was taken and there may be more to do.
  protected processBody(): boolean {
    const body = this.body;
    const unwanted = this.sink === null && this.exchange !== null;
    if (body.ended || body.failed !== 0 || unwanted || this.bodyPaused) {
      if (this.input.length >= pipelineBytes) this.socket.pause();
      return false;
    }
    const input = this.input;
    this.input = noBytes;
    const position = body.feed(input, 0, this.sink);
    if (position < input.length) this.input = input.subarray(position);
    const x = this.exchange;
    if (x !== null) x.requestLength += position;
    if (body.failed !== 0) this.failBody(body.failed, body.error);
    else if (body.ended) this.finishBody();
    else if (this.waiting === Waiting.body && x !== null) {
      this.wait(Waiting.body, locationOf(x).client.clientBodyTimeout);
    } else if (this.waiting === Waiting.lingering) this.lingerOn();
    return position > 0;
  }

  protected finishBody(): void {
    const sink = this.sink;
    this.sink = null;
    if (this.waiting === Waiting.body || this.waiting === Waiting.lingering) this.stopWaiting();
    // Nobody will resume a body that has been read to its end.
    if (this.bodyPaused) {
      this.bodyPaused = false;
      this.socket.resume();
    }
    const x = this.exchange;
    if (x === null) {
      this.nextRequest();
      return;
    }
    if (sink !== null) guarded(x, () => sink.onBodyEnd());
  }

  protected failBody(status: number, why: string): void {
    const sink = this.sink;
    const x = this.exchange;
    this.sink = null;
    this.input = noBytes;
    if (x === null || sink === null) {
      this.destroy();
      return;
    }
    x.keepAlive = false;
    logError(x, status === 413 ? 'error' : 'info', why);
    guarded(x, () => sink.onBodyFailed(status));
  }

  readBody(x: Exchange, sink: BodySink): void {
    if (this.body.ended) {
      sink.onBodyEnd();
      return;
    }
    this.body.limit = locationOf(x).client.clientMaxBodySize;
    this.sink = sink;
    this.wait(Waiting.body, locationOf(x).client.clientBodyTimeout);
    if (this.mustContinue && this.input.length === 0) this.sendContinue();
    this.mustContinue = false;
    // It may have been paused while nobody wanted the body.
    if (!this.bodyPaused && this.socket.isPaused()) this.socket.resume();
    if (this.processing) {
      // The loop above us goes on with the body as soon as the handler has returned.
      return;
    }
    this.process();
  }

  sendContinue(): void {
    if (!this.closed) this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  sendInterim(head: string): void {
    if (!this.closed) this.socket.write(head, 'latin1');
  }

  pauseBody(): void {
    this.bodyPaused = true;
    this.stopWaiting();
    this.socket.pause();
  }

  holdBody(): void {
    this.bodyPaused = true;
    this.stopWaiting();
  }

  resumeBody(): void {
    if (!this.bodyPaused) return;
    this.bodyPaused = false;
    const x = this.exchange;
    if (x !== null && this.sink !== null) {
      this.wait(Waiting.body, locationOf(x).client.clientBodyTimeout);
    }
    this.socket.resume();
    this.process();
  }

  // ---- time

  protected wait(what: number, ms: number): void {
    this.waiting = what;
    this.timer.arm(Math.max(ms, 1));
  }

  protected stopWaiting(): void {
    this.waiting = Waiting.nothing;
    this.timer.rest();
  }

  protected waitForDrain(): void {
    this.unsentBefore = this.socket.writableLength;
    this.wait(Waiting.send, this.clientSettings.sendTimeout);
  }

  /** Settings of the location at hand, or of the last one. */
  protected get clientSettings(): ClientSettings {
    if (this.exchange !== null) return locationOf(this.exchange).client;
    return this.settings ?? this.host.port.defaultServer.outside.client;
  }

  protected lingerOn(): void {
    if (now() >= this.lingerUntil) this.destroy();
    else this.wait(Waiting.lingering, this.clientSettings.lingeringTimeout);
  }

  // ---- the other half

  abstract readonly unsent: number;
  abstract filterHead(x: Exchange): void;
  abstract sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean;
  abstract sendBody(x: Exchange, chunk: Buffer, done: (() => void) | null): boolean;
  abstract endBody(x: Exchange): void;
  abstract abortBody(x: Exchange): void;
  abstract startTunnel(x: Exchange, end: TunnelEnd): Buffer | null;
  abstract writeTunnel(chunk: Buffer, sent?: (error?: Error | null) => void): boolean;
  abstract endTunnel(): void;
  abstract closeTunnel(x: Exchange): void;
  abstract pauseTunnel(): void;
  abstract resumeTunnel(): void;
  /** Closes it at once, whatever is under way. */
  abstract destroy(): void;
  protected abstract nextRequest(): void;
  protected abstract onDrain(): void;
  protected abstract onEnd(): void;
  protected abstract onClose(): void;
  protected abstract onTimer(): void;
}
