// After 101, or 200 to CONNECT: bytes both ways until both sides have ended. Each direction pauses its
// source when its target can't take more, and each side may end first and go on listening.

import type { SallyportError } from '../base/errors.ts';
import type { TunnelEnd } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { locationOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { ConnectionUser, UpstreamConnection } from '../upstream/connection.ts';

/** All times in milliseconds. */
interface TunnelTimes {
  /** Silence in both directions for this long ends it (`proxy_read_timeout`, as in nginx). */
  readonly readTimeout: number;
  /** How long the server may take nothing of what waits for it (`proxy_send_timeout`). */
  readonly sendTimeout: number;
}

export class Tunnel implements TunnelEnd, ConnectionUser {
  readonly #x: Exchange;
  readonly #upstream: UpstreamConnection;
  readonly #times: TunnelTimes;
  readonly #onOver: () => void;
  /** A side that does not take what is sent to it: the other one is paused. */
  #upstreamFull = false;
  #clientFull = false;
  #upstreamEnded = false;
  #clientEnded = false;
  /** What had not left when the timer was set. */
  #unsent = 0;
  #over = false;

  constructor(x: Exchange, upstream: UpstreamConnection, times: TunnelTimes, onOver: () => void) {
    this.#x = x;
    this.#upstream = upstream;
    this.#times = times;
    this.#onOver = onOver;
  }

  /** @param early - bytes that the upstream server sent right behind its 101 */
  start(early: Buffer | null): void {
    this.#upstream.user = this;
    this.#upstream.allowHalfOpen();
    const { client } = this.#x;
    const fromClient = client.startTunnel(this.#x, this);
    if (early !== null) this.#clientFull = !client.writeTunnel(early);
    if (this.#clientFull) this.#upstream.pause();
    if (fromClient === null) this.#arm();
    else this.onTunnelData(fromClient);
  }

  // ---- from the client

  onTunnelData(chunk: Buffer): void {
    if (!this.#upstream.write(chunk)) {
      this.#upstreamFull = true;
      this.#x.client.pauseTunnel();
    }
    this.#arm();
  }

  onTunnelEnd(): void {
    this.#clientEnded = true;
    if (this.#upstreamEnded) this.#close();
    else this.#upstream.finishWriting();
  }

  onTunnelDrain(): void {
    this.#clientFull = false;
    this.#arm();
    this.#upstream.resume();
  }

  onTunnelClosed(): void {
    this.#close();
  }

  // ---- from the upstream server

  onConnected(): void {
    // It is connected already.
  }

  onData(_buffer: Buffer, bytes: number): boolean {
    const kept = this.#upstream.keep(0, bytes);
    const sent = (error?: Error | null): void => {
      if (error === null || error === undefined) this.#upstream.release(kept);
    };
    if (!this.#x.client.writeTunnel(kept, sent)) this.#clientFull = true;
    this.#arm();
    return !this.#clientFull;
  }

  onEnd(): void {
    this.#upstreamEnded = true;
    if (this.#clientEnded) this.#close();
    else this.#x.client.endTunnel();
  }

  onError(error: SallyportError): void {
    logError(this.#x, 'info', `${error.code}: ${error.message} while proxying upgraded connection`);
    this.#close();
  }

  onDrain(): void {
    this.#upstreamFull = false;
    this.#arm();
    this.#x.client.resumeTunnel();
  }

  // ---- time

  // As in nginx, whatever moves in either direction begins all times anew.
  #arm(): void {
    this.#unsent = this.#waiting;
    let ms = this.#times.readTimeout;
    if (this.#upstreamFull) ms = Math.min(ms, this.#times.sendTimeout);
    if (this.#clientFull) ms = Math.min(ms, locationOf(this.#x).client.sendTimeout);
    this.#upstream.arm(ms);
  }

  get #waiting(): number {
    return this.#upstream.writableLength + this.#x.client.unsent;
  }

  onTimeout(): void {
    // A slow side that takes a little now and then is not a dead one.
    if (this.#waiting < this.#unsent) {
      this.#arm();
      return;
    }
    const what = this.#upstreamFull
      ? 'upstream takes nothing of what is sent to it'
      : this.#clientFull
        ? 'client takes nothing of what is sent to it'
        : 'nothing was sent either way';
    logError(this.#x, 'info', `upgraded connection timed out: ${what}`);
    this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onOver();
    // What one side sent before it left still reaches the other.
    this.#upstream.end();
    this.#x.client.closeTunnel(this.#x);
  }
}
