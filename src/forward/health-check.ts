// One active check of one server: a request of our own over a connection of exactly the identity and
// TLS policy that the location's requests have, and a verdict on the answer. No connection of a
// request's pool is used, and none is left there.

import { now } from '../base/clock.ts';
import type { SallyportError } from '../base/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { UpstreamTry } from '../exchange/upstream-try.ts';
import { responseFraming } from '../http1/framing.ts';
import { HeadResult } from '../http1/head-result.ts';
import { parseResponseHead, type ResponseHead } from '../http1/response-head.ts';
import type { ConnectionUser, UpstreamConnection } from '../upstream/connection.ts';
import { openConnection } from '../upstream/open-connection.ts';
import type { Peer } from '../upstream/peer.ts';
import type { Destination, ProxySettings } from './proxy-settings.ts';
import { BodyFraming, composeUpstreamHead } from './upstream-head.ts';

/** What an answer has to be like (`match`). */
export interface ResponseTest {
  readonly name: string;
  readonly readsBody: boolean;
  /** Null: it passes; else what it was that failed: "checking status code". */
  checkHead(head: ResponseHead, x: Exchange): string | null;
  /** The same for the body, one character per byte, as far as it was read. */
  checkBody(body: string): string | null;
}

/** What checks of one location have in common. */
export interface CheckPlan {
  readonly settings: ProxySettings;
  readonly destination: Destination;
  /** A connection (with TLS: verified) is enough. */
  readonly connectOnly: boolean;
  /** "GET /path". */
  readonly requestLine: string;
  readonly test: ResponseTest;
  /** Milliseconds for which a connection serves checks; 0: each has its own. */
  readonly keepaliveMs: number;
  /** A request that no client has sent, for variables. */
  readonly exchange: () => Exchange;
}

/** A connection that a check leaves to the next one of the same server. */
export interface IdleConnection {
  connection: UpstreamConnection | null;
}

/**
 * Null: the server is fit. Else what the check was at, and why it failed; or undefined: it could not
 * be made for want of descriptors, which says nothing about the server.
 */
export type CheckResult = string | null | undefined;

/** As nginx: what follows is not looked at. */
const bodyLimit = 256 * 1024;
const maxInterim = 16;

/** One check. `done` is called once, unless it is cancelled, and perhaps before `start` returns. */
export class HealthCheck implements ConnectionUser {
  readonly #plan: CheckPlan;
  readonly #idle: IdleConnection;
  readonly #done: (result: CheckResult) => void;
  readonly #x: Exchange;
  readonly #try: UpstreamTry;
  #connection: UpstreamConnection | null = null;
  #over = false;
  #peer: Peer | null = null;
  /** It has opened a connection afresh after one that was no longer good. */
  #afresh = false;
  #partial: Buffer = Buffer.alloc(0);
  #interim = 0;
  #head: ResponseHead | null = null;
  #text = '';

  constructor(
    plan: CheckPlan,
    peer: Peer,
    idle: IdleConnection,
    done: (result: CheckResult) => void,
  ) {
    this.#plan = plan;
    this.#idle = idle;
    this.#done = done;
    this.#x = plan.exchange();
    this.#try = new UpstreamTry(peer.name, now());
    this.#x.tries = [this.#try];
  }

  start(peer: Peer): void {
    this.#peer = peer;
    this.#guard(() => this.#open(peer));
  }

  /** Ends it without a verdict. */
  cancel(): void {
    this.#over = true;
    this.#connection?.destroy();
    this.#connection = null;
  }

  #open(peer: Peer): void {
    const { settings, destination, keepaliveMs } = this.#plan;
    const plain = settings.connector(this.#x, peer, destination);
    const target = plain === null ? null : (settings.socket?.(this.#x, plain) ?? plain);
    if (target === null) {
      this.#end('connecting to upstream: its client certificate cannot be used');
      return;
    }
    const kept = this.#idle.connection;
    this.#idle.connection = null;
    const time = now();
    const young = kept !== null && time - kept.createdAt < keepaliveMs;
    const fresh = young && time < kept.validUntil;
    if (kept?.reusable === true && fresh && kept.key === target.key) {
      kept.user = this;
      kept.reused = true;
      this.#connection = kept;
      this.onConnected(kept);
      return;
    }
    kept?.end();
    this.#connection = openConnection(target, this, settings);
    this.#connection.arm(settings.connectTimeout);
  }

  onConnected(connection: UpstreamConnection): void {
    this.#guard(() => {
      if (this.#plan.connectOnly) {
        this.#end(null);
        return;
      }
      const { settings, requestLine } = this.#plan;
      const head = composeUpstreamHead(settings.head, this.#x, requestLine, BodyFraming.none);
      connection.write(head);
      connection.arm(settings.readTimeout);
    });
  }

  onData(buffer: Buffer, bytes: number): boolean {
    this.#guard(() => {
      if (this.#head === null) this.#readHead(buffer.subarray(0, bytes));
      else this.#readBody(buffer, 0, bytes);
    });
    return true;
  }

  onEnd(): void {
    const whole = this.#head !== null && this.#connection?.body.endsWithConnection === true;
    if (whole) this.#guard(() => this.#judgeBody());
    else if (!this.#openAfresh(this.#isStale)) {
      this.#end('reading response: upstream prematurely closed connection');
    }
  }

  onError(error: SallyportError): void {
    if (this.#openAfresh(error.code === 'UPSTREAM_TLS_SESSION_STALE' || this.#isStale)) return;
    if (error.code === 'RESOURCES_EXHAUSTED') {
      this.#end(undefined);
      return;
    }
    const at = this.#connection?.connected === true ? 'reading response' : 'connecting to upstream';
    this.#end(`${at}: ${error.code}: ${error.message}`);
  }

  onTimeout(): void {
    const at = this.#connection?.connected === true ? 'reading response' : 'connecting to upstream';
    this.#end(`${at}: upstream timed out (110: Connection timed out)`);
  }

  onDrain(): void {
    // The request is small, and nothing follows it.
  }

  // The server closed a kept connection while the request was on its way.
  get #isStale(): boolean {
    const nothingRead = this.#head === null && this.#partial.length === 0 && this.#interim === 0;
    return this.#connection?.reused === true && nothingRead;
  }

  // What ended says nothing about the server, as with requests (retry.ts): once more. False: it has
  // to count.
  #openAfresh(wanted: boolean): boolean {
    const peer = this.#peer;
    if (!wanted || this.#over || this.#afresh || peer === null) return false;
    this.#afresh = true;
    this.#connection?.destroy();
    this.#connection = null;
    this.#guard(() => this.#open(peer));
    return true;
  }

  #readHead(data: Buffer): void {
    const connection = this.#connection;
    if (connection === null) return;
    const input = this.#partial.length === 0 ? data : Buffer.concat([this.#partial, data]);
    const { head } = connection;
    for (let start = 0; ;) {
      const { bufferSize } = this.#plan.settings;
      const result = parseResponseHead(input, start, input.length, head, bufferSize);
      if (result === HeadResult.incomplete) {
        this.#partial = Buffer.from(input.subarray(start));
        return;
      }
      if (result < 0) {
        this.#end(`reading response: upstream sent invalid response: ${head.error}`);
        return;
      }
      start = result;
      if (head.status >= 200) {
        this.#takeHead(connection, input, start);
        return;
      }
      this.#interim += 1;
      if (head.status === 101 || this.#interim > maxInterim) {
        this.#end(`checking status code: ${head.status} is no final answer`);
        return;
      }
    }
  }

  #takeHead(connection: UpstreamConnection, input: Buffer, start: number): void {
    const { head, body } = connection;
    const { test, keepaliveMs } = this.#plan;
    this.#head = head;
    this.#try.status = head.status;
    this.#x.status = head.status;
    this.#x.upstreamHead = head;
    this.#x.upstreamFields = head.fields.names.length;
    const failure = test.checkHead(head, this.#x);
    if (failure !== null || (!test.readsBody && keepaliveMs === 0)) {
      this.#end(failure);
      return;
    }
    body.begin(responseFraming(head, this.#x.method), head.contentLength);
    this.#readBody(input, start, input.length);
  }

  #readBody(input: Buffer, start: number, end: number): void {
    const body = this.#connection?.body;
    if (body === undefined) return;
    body.feed(input, start, end);
    for (let i = 0; i < body.count; i += 1) {
      this.#text += input.toString('latin1', body.starts[i], body.ends[i]);
    }
    if (body.error !== null) this.#end(`reading response: invalid chunked body: ${body.error}`);
    else if (body.complete || this.#text.length >= bodyLimit) this.#judgeBody();
  }

  #judgeBody(): void {
    const { test } = this.#plan;
    this.#end(test.readsBody ? test.checkBody(this.#text.slice(0, bodyLimit)) : null);
  }

  // What goes wrong in evaluating variables must not take the worker down.
  #guard(run: () => void): void {
    try {
      if (!this.#over) run();
    } catch (thrown) {
      this.#end(`preparing the request: ${thrown instanceof Error ? thrown.message : 'failed'}`);
    }
  }

  #end(result: CheckResult): void {
    if (this.#over) return;
    this.#over = true;
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) this.#leave(connection, result === null);
    this.#done(result);
  }

  #leave(connection: UpstreamConnection, passed: boolean): void {
    const { body } = connection;
    const done = body.complete && !body.excess && this.#head?.keepAlive === true;
    connection.disarm();
    if (!passed || !done || this.#plan.keepaliveMs === 0 || !connection.reusable) {
      if (passed) connection.end();
      else connection.destroy();
      return;
    }
    connection.user = null;
    this.#idle.connection = connection;
  }
}
