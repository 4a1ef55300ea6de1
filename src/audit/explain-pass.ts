// A request on its way to an upstream server, up to where it would connect: server, identity and the
// bytes of the head come from the very code that serves, and nothing leaves.

import { now } from '../base/clock.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED } from '../exchange/handler.ts';
import { UpstreamTry } from '../exchange/upstream-try.ts';
import { PendingDestination } from '../forward/pending-destination.ts';
import type { Destination, ProxySettings } from '../forward/proxy-settings.ts';
import { RequestSender, type RequestOutlet } from '../forward/request-sender.ts';
import { answerStatus } from '../server/phases.ts';
import type { ConnectTarget } from '../upstream/connect-target.ts';
import type { Peer } from '../upstream/peer.ts';

/** What would go out. */
export interface Passed {
  readonly destination: Destination;
  readonly peer: Peer;
  readonly target: ConnectTarget;
  /** With its empty line. */
  readonly head: string;
}

/** Takes what would go out. */
export type PassReceiver = (x: Exchange, passed: Passed) => void;

/** In place of `passOn`. */
export function explainPass(x: Exchange, settings: ProxySettings, receive: PassReceiver): number {
  const destination = settings.router(x);
  if (typeof destination === 'number') return destination;
  const go = (found: Destination): number => {
    x.proxyHost = found.proxyHost;
    x.proxyPort = found.proxyPort;
    if (x.uri === '' && (found.uri ?? settings.outgoingUri(x)) === '') return 500;
    new ExplainedPass(x, settings, found).run(receive);
    return HANDLED;
  };
  if (!(destination instanceof PendingDestination)) return go(destination);
  destination.wait(x, settings.ignoreClientAbort, (_, found) => go(found));
  return HANDLED;
}

class ExplainedPass extends RequestSender {
  #receive: PassReceiver | null = null;

  run(receive: PassReceiver): void {
    this.#receive = receive;
    this.start();
  }

  protected override open(peer: Peer): void {
    const { x, settings, destination } = this;
    const attempt = new UpstreamTry(peer.name, now());
    attempt.serverName = peer.hostName;
    this.try = attempt;
    this.addTry(attempt);
    const plain = settings.connector(x, peer, destination);
    const target = plain === null || settings.socket === null ? plain : settings.socket(x, plain);
    if (target === null) {
      attempt.status = 502;
      this.finish();
      answerStatus(x, 502);
      return;
    }
    const written = new WrittenHead();
    this.send(written);
    this.#receive?.(x, { destination, peer, target, head: written.head });
    attempt.status = 200;
    attempt.responseTime = 0;
    this.reportPeer('neutral');
    this.finish();
    // Of an `error_page` the status stays.
    x.status = x.fixedStatus === 0 ? 200 : x.fixedStatus;
    x.contentLength = 0;
    x.client.sendHead(x, null, true);
  }

  // The body is not there, its length is.
  protected override framing(spool: Parameters<RequestSender['framing']>[0]): number {
    const { bodyLength } = this.x;
    return spool !== null && bodyLength > 0 ? bodyLength : super.framing(spool);
  }

  override onData(): boolean {
    return true;
  }

  override onEnd(): void {}

  override onClientDrain(): void {}
}

/** Takes what is written in place of a connection. */
class WrittenHead implements RequestOutlet {
  head = '';

  write(bytes: string | Buffer): boolean {
    if (this.head === '') {
      const text = bytes.toString('latin1');
      this.head = text.slice(0, text.indexOf('\r\n\r\n') + 4);
    }
    return true;
  }

  writeMessage(bytes: string | Buffer): boolean {
    return this.write(bytes);
  }

  writeAndFree(): boolean {
    return true;
  }

  cork(): void {}

  uncork(): void {}

  surviveWriteErrors(): void {}

  arm(): void {}
}
