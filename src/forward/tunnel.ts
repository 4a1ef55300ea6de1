// After 101: bytes both ways until both sides have ended (WebSocket and its like). Each direction
// pauses its source when its target can't take more.

import type { SallyportError } from '../base/errors.ts';
import type { TunnelEnd } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { logError } from '../server/request-log.ts';
import type { ConnectionUser, UpstreamConnection } from '../upstream/connection.ts';

/** Silence in both directions for this long ends it (`proxy_read_timeout`, as in nginx). */
interface TunnelSettings {
  readonly readTimeout: number;
}

export class Tunnel implements TunnelEnd, ConnectionUser {
  readonly #x: Exchange;
  readonly #upstream: UpstreamConnection;
  readonly #settings: TunnelSettings;
  readonly #onOver: () => void;
  #upstreamEnded = false;
  #clientEnded = false;
  #over = false;

  constructor(
    x: Exchange,
    upstream: UpstreamConnection,
    settings: TunnelSettings,
    onOver: () => void,
  ) {
    this.#x = x;
    this.#upstream = upstream;
    this.#settings = settings;
    this.#onOver = onOver;
  }

  /** @param early - bytes that the upstream server sent right behind its 101 */
  start(early: Buffer | null): void {
    this.#upstream.user = this;
    this.#upstream.allowHalfOpen();
    const { client } = this.#x;
    const fromClient = client.startTunnel(this.#x, this);
    if (early !== null) client.writeTunnel(early);
    if (fromClient !== null) this.onTunnelData(fromClient);
    this.#upstream.arm(this.#settings.readTimeout);
  }

  // ---- from the client

  onTunnelData(chunk: Buffer): void {
    this.#upstream.arm(this.#settings.readTimeout);
    if (!this.#upstream.write(chunk)) this.#x.client.pauseTunnel();
  }

  onTunnelEnd(): void {
    this.#clientEnded = true;
    if (this.#upstreamEnded) this.#close();
    else this.#upstream.finishWriting();
  }

  onTunnelDrain(): void {
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
    this.#upstream.arm(this.#settings.readTimeout);
    const kept = this.#upstream.keep(0, bytes);
    return this.#x.client.writeTunnel(kept);
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
    this.#x.client.resumeTunnel();
  }

  onTimeout(): void {
    logError(this.#x, 'info', 'upgraded connection timed out (proxy_read_timeout)');
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
