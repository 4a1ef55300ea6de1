// One CONNECT on its way: picks a server, connects, answers 200, and hands both connections to a
// tunnel. Until the answer is out another server may be tried, as for `proxy_pass`.

import { now } from '../base/clock.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED } from '../exchange/handler.ts';
import type { UpstreamTry } from '../exchange/upstream-try.ts';
import { answerStatus, guarded } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { Tried } from '../upstream/balancer.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { Attempt, Stage } from './attempt.ts';
import { PendingDestination } from './pending-destination.ts';
import type { AttemptSettings, Destination, Router } from './proxy-settings.ts';
import { Tunnel } from './tunnel.ts';

/** What `tunnel_*` directives say of a location. Its connector gives null for what is not allowed. */
export interface TunnelSettings extends AttemptSettings {
  readonly router: Router;
  /** Milliseconds. */
  readonly sendTimeout: number;
  /** Most bytes of one read from the server. */
  readonly bufferSize: number;
  /** Try another server after one that is not allowed. */
  readonly retryDenied: boolean;
}

/** Starts to open a tunnel. For use as a content handler: 405 for all but CONNECT. */
export function openTunnel(x: Exchange, settings: TunnelSettings): number {
  if (x.method !== 'CONNECT' || x.parent !== null) return 405;
  // What a body of CONNECT means is not defined (RFC 9110, 9.3.6): to some it would be the first
  // bytes of the tunnel.
  if (x.hasBody) {
    logError(x, 'info', 'client sent CONNECT with a body');
    return 400;
  }
  const destination = settings.router(x);
  if (typeof destination === 'number') return destination;
  if (destination instanceof PendingDestination) {
    destination.wait(x, false, (_, found) => openTo(x, settings, found));
    return HANDLED;
  }
  return openTo(x, settings, destination);
}

function openTo(x: Exchange, settings: TunnelSettings, destination: Destination): number {
  new TunnelExchange(x, settings, destination).start();
  return HANDLED;
}

class TunnelExchange extends Attempt<TunnelSettings> {
  start(): void {
    const { x } = this;
    x.owner = this;
    x.tries ??= [];
    this.firstTry = x.tries.length;
    this.connect();
  }

  // Connected. There is nothing to send: what comes now is the client's.
  protected override send(connection: UpstreamConnection): void {
    const { x, settings } = this;
    this.noteStatus(200);
    this.accept();
    x.status = 200;
    x.keepAlive = false;
    x.tunnels = true;
    this.stage = Stage.done;
    connection.limitReads(settings.bufferSize);
    const tunnel = new Tunnel(x, connection, settings, () => {
      this.reportPeer('ok');
      this.account();
      if (this.try !== null) this.try.responseLength = this.try.bytesReceived;
      this.connection = null;
    });
    x.client.sendHead(x, null, false);
    tunnel.start(null);
  }

  protected override noIdentity(attempt: UpstreamTry): void {
    const { x, peer, settings } = this;
    attempt.status = 403;
    attempt.responseTime = 0;
    logError(x, 'error', 'access to the server is not allowed (tunnel_allow_upstream)', this.url());
    this.reportPeer('neutral');
    this.triesLeft -= 1;
    const inTime = settings.retryTimeout === 0 || now() - this.startedAt < settings.retryTimeout;
    if (settings.retryDenied && peer !== null && this.triesLeft > 0 && inTime) {
      this.tried ??= new Tried();
      this.tried.add(peer);
      guarded(x, () => this.connect());
      return;
    }
    this.finish();
    answerStatus(x, 403);
  }

  // ---- once it is connected, a tunnel has the connection

  override onData(): boolean {
    return false;
  }

  override onEnd(): void {
    // Not before it is connected.
  }

  override onDrain(): void {
    // Nothing was written.
  }

  override onClientDrain(): void {
    // Nothing was sent.
  }

  // ---- for the log

  protected override url(): string {
    return this.peer?.name ?? this.destination.origin;
  }
}
