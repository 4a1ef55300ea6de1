// One request's attempts at the servers of a group: picks a server, connects, tells the balancer how
// it went, and decides with mayTryNext whether there is another attempt. What is sent and received
// is the matter of the classes built on top (request-sender.ts, proxy-exchange.ts).

import { now } from '../base/clock.ts';
import { requestAtTurnEnd, type TurnEnd } from '../base/turn-end.ts';
import { SallyportError, type ErrorCode } from '../base/errors.ts';
import type { ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange, StoredBody } from '../exchange/exchange.ts';
import { UpstreamTry } from '../exchange/upstream-try.ts';
import type { ResponseBody } from '../http1/response-body.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { answerStatus, failInternally, guarded } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { Tried } from '../upstream/balancer.ts';
import type { ConnectionUser, UpstreamConnection } from '../upstream/connection.ts';
import { openConnection } from '../upstream/open-connection.ts';
import type { Peer } from '../upstream/peer.ts';
import {
  isRefusal,
  mayTryNext,
  outcomeOf,
  type Failure,
  type RetryDecision,
  type RetryState,
} from '../upstream/retry.ts';
import type { WaitQueue } from '../upstream/wait-queue.ts';
import type { AttemptSettings, Destination, ProxySettings } from './proxy-settings.ts';
import { QueuePlace, type QueuedRequest } from './queue-place.ts';

export const Stage = { connecting: 0, sending: 1, head: 2, body: 3, done: 4 } as const;

export const noBytes: Buffer = Buffer.alloc(0);

/** All fields of a proxied request are here, so that they have one shape. */
export abstract class Attempt<Settings extends AttemptSettings = ProxySettings>
  implements ConnectionUser, ExchangeOwner, TurnEnd, QueuedRequest
{
  protected readonly x: Exchange;
  protected readonly settings: Settings;
  protected readonly destination: Destination;
  readonly survivesAbort: boolean;

  protected stage: number = Stage.connecting;
  protected peer: Peer | null = null;
  protected connection: UpstreamConnection | null = null;
  protected try: UpstreamTry | null = null;
  /** Tries before belong to a group that an error page came from. */
  protected firstTry = 0;
  protected tried: Tried | null = null;
  /** Null: it has never waited for a server. */
  private place: QueuePlace | null = null;
  protected triesLeft: number;
  protected readonly startedAt = now();
  protected sentBefore = 0;
  protected receivedBefore = 0;

  protected spool: StoredBody | null = null;
  protected spoolPosition = 0;
  protected streaming = false;
  protected streamed = false;
  protected bodyEnded = false;
  /** The client has been asked for the body of a request that is streamed. */
  protected reading = false;
  /** At least the head has been handed to the connection of this attempt. */
  protected requestSent = false;
  /** All of it has. */
  protected requestWhole = false;

  /** Of the present connection. */
  protected head: ResponseHead | null = null;
  protected partial: Buffer = noBytes;
  protected interim = 0;
  protected body: ResponseBody | null = null;
  /** Sending failed; what the server says of it may still come. */
  protected sendFailure: SallyportError | null = null;

  constructor(x: Exchange, settings: Settings, destination: Destination) {
    this.x = x;
    this.settings = settings;
    this.destination = destination;
    this.survivesAbort = settings.ignoreClientAbort;
    const { tries } = destination.live.group;
    const limit = settings.retryTries;
    this.triesLeft = limit > 0 ? Math.min(limit, tries) : tries;
  }

  // ---- the other parts

  protected abstract send(connection: UpstreamConnection): void;
  abstract onData(buffer: Buffer, bytes: number): boolean;
  abstract onEnd(): void;
  abstract onDrain(): void;
  abstract onClientDrain(): void;

  // ---- choosing and connecting

  protected connect(): void {
    const { group } = this.destination.live;
    const { refusals } = this.settings;
    if (!refusals.empty) this.tried ??= refusals.excluded(group.peers, now());
    // Who has come earlier is served earlier.
    if (group.queue !== null && group.queue.size > 0 && this.waits(group.queue)) return;
    if (this.pick()) return;
    if (group.queue === null || !this.waits(group.queue)) this.noneLive('no live upstreams');
  }

  private pick(): boolean {
    const { refusals } = this.settings;
    const peer = this.destination.live.group.balancer.pick(this.x, this.tried);
    if (peer === null) return false;
    if (!refusals.empty) refusals.noteChosen(peer, now());
    this.peer = peer;
    this.open(peer, true);
    return true;
  }

  // A request that has been at every server has nothing to wait for.
  private waits(queue: WaitQueue): boolean {
    if (this.tried !== null && this.tried.size >= this.destination.live.group.tries) return false;
    this.place ??= new QueuePlace(this, queue);
    if (!this.place.enter()) return false;
    if (!this.reading) return true;
    // What comes meanwhile would have nowhere to go. The client may leave, if that matters.
    if (this.survivesAbort) this.x.client.pauseBody();
    else this.x.client.holdBody();
    return true;
  }

  onTurn(): boolean {
    // Where that fails it is answered, and waits no more either.
    let served = true;
    guarded(this.x, () => {
      served = this.pick();
    });
    return served;
  }

  onWaitedTooLong(): void {
    guarded(this.x, () => this.noneLive('no upstream was free within the time of "queue"'));
  }

  private queueTime(): number {
    return this.place === null ? -1 : this.place.takeTime();
  }

  protected noneLive(why: string): void {
    const x = this.x;
    const attempt = new UpstreamTry(this.destination.live.group.name, now());
    attempt.status = 502;
    attempt.responseTime = 0;
    attempt.queueTime = this.queueTime();
    this.addTry(attempt);
    logError(x, 'error', `${why} while connecting to upstream`, this.url());
    this.finish();
    answerStatus(x, 502);
  }

  protected addTry(attempt: UpstreamTry): void {
    const { tries } = this.x;
    if (tries === null) return;
    attempt.startsGroup = tries.length > 0 && tries.length === this.firstTry;
    tries.push(attempt);
  }

  protected open(peer: Peer, mayReuse: boolean): void {
    const { live } = this.destination;
    const { socket } = this.settings;
    const attempt = new UpstreamTry(peer.name, now());
    attempt.serverName = peer.hostName;
    attempt.queueTime = this.queueTime();
    this.try = attempt;
    this.addTry(attempt);
    // The name to verify may be a variable that says which server was chosen.
    const plain = this.settings.connector(this.x, peer, this.destination);
    const target = plain === null || socket === null ? plain : socket(this.x, plain);
    if (target === null) {
      this.noIdentity(attempt);
      return;
    }
    this.requestSent = false;
    this.requestWhole = false;
    this.partial = noBytes;
    this.interim = 0;
    this.body = null;
    this.sendFailure = null;
    // What comes meanwhile would have nowhere to go.
    if (this.reading) this.x.client.pauseBody();
    const pooled = mayReuse ? live.pool.take(target.key) : null;
    if (pooled !== null) {
      pooled.user = this;
      this.adopt(pooled);
      attempt.connectTime = 0;
      attempt.tls = pooled.tls;
      this.stage = Stage.connecting;
      requestAtTurnEnd(this);
      return;
    }
    this.stage = Stage.connecting;
    const { budget } = this.settings;
    if (budget.admitUpstream() !== null) {
      const why = `${budget.limit} worker_connections are not enough`;
      this.fail(new SallyportError('RESOURCES_EXHAUSTED', `${why} while connecting to upstream`));
      return;
    }
    const connection = openConnection(target, this, this.settings);
    this.adopt(connection);
    connection.arm(this.settings.connectTimeout);
  }

  // Another server would get the same answer: what fails is ours.
  protected noIdentity(attempt: UpstreamTry): void {
    const x = this.x;
    attempt.status = 502;
    attempt.responseTime = 0;
    this.reportPeer('neutral');
    this.finish();
    answerStatus(x, 502);
  }

  protected adopt(connection: UpstreamConnection): void {
    this.connection = connection;
    this.sentBefore = connection.bytesSent;
    this.receivedBefore = connection.bytesReceived;
  }

  /** For a connection from the pool: what it had to say unasked has been read. */
  onTurnEnd(): void {
    const { connection } = this;
    // The client has left, or the connection turned out to be none and another one is on its way.
    if (connection?.connected !== true || this.stage !== Stage.connecting) return;
    try {
      this.send(connection);
    } catch (thrown) {
      failInternally(this.x, thrown);
    }
  }

  onConnected(connection: UpstreamConnection): void {
    const attempt = this.try;
    if (attempt !== null) {
      attempt.connectTime = now() - attempt.startedAt;
      attempt.tls = connection.tls;
    }
    connection.disarm();
    guarded(this.x, () => this.send(connection));
  }

  onTlsReport({ code, message }: SallyportError): void {
    logError(this.x, 'error', `${code}: ${message}`, this.url());
  }

  // ---- ends

  onError(error: SallyportError): void {
    this.fail(this.sendFailure ?? error);
  }

  /** The server takes no more of the request; it may have answered all the same (RFC 9112, 9.5). */
  onWriteFailed(error: SallyportError): void {
    this.sendFailure = error;
    if (this.stage !== Stage.sending) return;
    this.stage = Stage.head;
    this.connection?.arm(this.settings.readTimeout);
  }

  onTimeout(): void {
    const code: ErrorCode =
      this.stage === Stage.connecting
        ? 'UPSTREAM_CONNECT_TIMEOUT'
        : this.stage === Stage.sending
          ? 'UPSTREAM_SEND_TIMEOUT'
          : 'UPSTREAM_READ_TIMEOUT';
    this.fail(
      new SallyportError(
        code,
        `upstream timed out (110: Connection timed out) while ${this.doing()}`,
      ),
    );
  }

  protected doing(): string {
    if (this.stage === Stage.connecting) return 'connecting to upstream';
    if (this.stage === Stage.sending) return 'sending request to upstream';
    return this.stage === Stage.head ? 'reading response header from upstream' : 'reading upstream';
  }

  /** Something went wrong at this server: another one, the same one afresh, or the end. */
  protected fail(error: SallyportError): void {
    if (this.stage === Stage.done) return;
    const x = this.x;
    const attempt = this.try;
    const responseBytes = this.responseBytes > 0;
    const reused = this.connection?.reused === true;
    if (error.code === 'RESOURCES_EXHAUSTED') this.settings.budget.descriptorsGone();
    logError(x, error.level, `${error.code}: ${error.message}`, this.url());
    if (attempt !== null) {
      if (attempt.status === 0) attempt.status = error.status;
      if (error.code.startsWith('UPSTREAM_TLS_')) attempt.tlsFailure = error.code;
      attempt.tls ??= this.connection?.tls ?? null;
    }
    this.dropConnection();
    if (this.again(error.code, mayTryNext(error.code, this.retryState(responseBytes, reused)))) {
      return;
    }
    if (x.headSent) {
      this.cutBody();
      return;
    }
    this.finish();
    // What was taken over of the broken response must not show in the answer.
    x.resetResponse();
    guarded(x, () => answerStatus(x, error.status));
  }

  /** The answer has begun and cannot be completed. */
  protected cutBody(): void {
    const x = this.x;
    this.finish();
    guarded(x, () => x.client.abortBody(x));
  }

  protected retryStatus(status: number): boolean {
    const decision = mayTryNext(status, this.retryState(true, false));
    if (decision !== 'next') return false;
    this.dropConnection();
    return this.again(status, decision);
  }

  protected retryState(responseBytes: boolean, reused: boolean): RetryState {
    const { retry, retryTimeout } = this.settings;
    const elapsed = now() - this.startedAt;
    return {
      conditions: retry,
      method: this.methodForRetry,
      requestSent: this.requestSent,
      bodyLost: this.streamed,
      responseBytes,
      answerStarted: this.x.headSent,
      reusedConnection: reused,
      triesLeft: this.triesLeft - 1,
      timeLeft: retryTimeout > 0 ? retryTimeout - elapsed : Infinity,
    };
  }

  /** What must not be done twice is decided by the client's method, or one that goes out instead. */
  protected get methodForRetry(): string {
    return this.x.method;
  }

  // True: another attempt is under way.
  protected again(failure: Failure, decision: RetryDecision): boolean {
    const peer = this.peer;
    if (decision === 'same-fresh' && peer !== null) {
      guarded(this.x, () => this.open(peer, false));
      return true;
    }
    if (peer !== null && isRefusal(failure)) this.settings.refusals.refuse(peer, now());
    this.reportPeer(outcomeOf(failure, decision));
    if (decision !== 'next' || peer === null) return false;
    this.triesLeft -= 1;
    this.tried ??= new Tried();
    this.tried.add(peer);
    guarded(this.x, () => this.connect());
    return true;
  }

  onClientAborted(): void {
    if (this.stage === Stage.done) return;
    this.dropAttempt();
    if (this.try !== null && this.try.status === 0) this.try.status = 499;
    this.finish();
  }

  /** Ends the attempt for a reason that says nothing about the server. */
  protected dropAttempt(): void {
    this.reportPeer('neutral');
    this.dropConnection();
  }

  protected dropConnection(): void {
    this.account();
    this.connection?.destroy();
    this.connection = null;
  }

  protected releaseConnection(clean: boolean): void {
    const connection = this.connection;
    if (connection === null) return;
    this.connection = null;
    this.reportPeer('ok');
    connection.disarm();
    // Not before the whole request went out: the rest of it would be the start of the next one.
    if (clean && this.requestWhole && this.bodyEnded && this.head?.keepAlive === true) {
      this.destination.live.pool.put(connection);
    } else {
      connection.destroy();
    }
  }

  protected reportPeer(outcome: 'ok' | 'failed' | 'neutral'): void {
    const peer = this.peer;
    if (peer === null) return;
    this.peer = null;
    if (outcome === 'ok' && !this.settings.refusals.empty) this.settings.refusals.accept(peer);
    const { balancer, queue } = this.destination.live.group;
    balancer.report(peer, outcome);
    if (queue !== null) queue.wake();
    const attempt = this.try;
    if (balancer.watcher === null || attempt === null) return;
    balancer.watcher.onEnd(this.x, peer, { attempt, outcome });
  }

  protected get responseBytes(): number {
    return (this.connection?.bytesReceived ?? 0) - this.receivedBefore;
  }

  protected noteStatus(status: number): void {
    const attempt = this.try;
    if (attempt === null) return;
    attempt.status = status;
    attempt.headerTime = now() - attempt.startedAt;
  }

  /** No other server will be asked: this response is passed on. */
  protected accept(): void {
    const { watcher } = this.destination.live.group.balancer;
    const { peer, try: attempt } = this;
    if (watcher === null || peer === null || attempt === null) return;
    attempt.accepted = true;
    watcher.onHead(this.x, peer, attempt);
  }

  protected account(): void {
    const attempt = this.try;
    const connection = this.connection;
    if (attempt === null) return;
    attempt.responseTime = now() - attempt.startedAt;
    if (connection === null) return;
    attempt.bytesSent = connection.bytesSent - this.sentBefore;
    attempt.bytesReceived = connection.bytesReceived - this.receivedBefore;
    this.x.upstreamTrailers = this.body?.trailers ?? null;
  }

  protected finish(): void {
    this.stage = Stage.done;
    this.place?.leave();
    // The exchange keeps the stored body: an error page may pass the request on once more.
    this.spool = null;
    if (this.streaming) this.x.dropBody();
    this.x.owner = null;
  }

  protected url(): string {
    const { origin, secure, uri } = this.destination;
    const where = this.peer === null ? origin : `${secure ? 'https' : 'http'}://${this.peer.name}`;
    return `${where}${uri ?? this.x.request.target}`;
  }
}
