// Sends a request to the server that was picked: head and body in one write where the body is in
// memory, from a temporary file, or streamed as the client sends it.

import { describeFileError } from '../base/system-error.ts';
import type { BodySink } from '../exchange/downstream.ts';
import type { StoredBody } from '../exchange/exchange.ts';
import { chunkHeader, lastChunk } from '../http1/chunked.ts';
import { isToken } from '../http1/text.ts';
import { answerStatus, guarded } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { isNonIdempotent } from '../upstream/retry.ts';
import { Attempt, Stage } from './attempt.ts';
import { giveBlock, leastInBlock, takeBlock } from './body-blocks.ts';
import { RequestSpool } from './request-spool.ts';
import { BodyFraming, composeUpstreamHead } from './upstream-head.ts';

/** Bodies up to this size leave in one text with the head where they are not in one piece with it. */
const inlineBodyBytes = 16_384;
/** A server may answer, and close, before it has read a larger body. */
const readAtOnceBytes = 8192;
/** Reads of a temporary file, 64 KB each, before others have their turn. */
const chunksAtOnce = 16;

/** What of a connection a request is written to. */
export type RequestOutlet = Pick<
  UpstreamConnection,
  'write' | 'writeMessage' | 'writeAndFree' | 'cork' | 'uncork' | 'surviveWriteErrors' | 'arm'
>;

export abstract class RequestSender extends Attempt implements BodySink {
  /** As it goes upstream. */
  protected method = '';

  start(): void {
    const x = this.x;
    x.owner = this;
    this.method = this.outgoingMethod();
    x.tries ??= [];
    this.firstTry = x.tries.length;
    if (x.storedBody !== null || !x.hasBody) {
      this.spool = x.storedBody;
      this.bodyEnded = true;
      this.connect();
    } else if (this.isBuffered()) {
      const spool = new RequestSpool(this.settings.bodyStorage);
      this.spool = spool;
      x.storedBody = spool;
      x.client.readBody(x, this);
    } else {
      this.streaming = true;
      this.connect();
    }
  }

  protected outgoingMethod(): string {
    const { method } = this.x;
    const given = this.settings.replaced?.method?.evaluate(this.x) ?? '';
    return given !== '' && isToken(given) ? given : method;
  }

  protected override get methodForRetry(): string {
    const { method } = this.x;
    return isNonIdempotent(method) ? method : this.method;
  }

  // A body that is not passed on is read all the same. Without chunks its length must be known.
  protected isBuffered(): boolean {
    const { requestBuffering, replaced, http10 } = this.settings;
    if (requestBuffering || (this.x.bodyChunked && http10)) return true;
    return replaced !== null && (replaced.body !== null || !replaced.passBody);
  }

  // ---- the request body

  onBodyData(chunk: Buffer): void {
    if (this.stage === Stage.done) return;
    if (this.spool !== null) {
      this.store(this.spool, chunk);
      return;
    }
    const connection = this.connection;
    if (connection === null || this.sendFailure !== null) return;
    this.streamed = true;
    const ready = this.x.bodyChunked
      ? this.writeChunk(connection, chunk)
      : writeCopy(connection, chunk);
    if (ready) return;
    this.x.client.pauseBody();
    if (this.stage === Stage.sending) connection.arm(this.settings.sendTimeout);
  }

  protected store(spool: StoredBody, chunk: Buffer): void {
    try {
      spool.append(chunk);
    } catch (thrown) {
      logError(this.x, 'crit', `request body can't be buffered: ${describeFileError(thrown)}`);
      this.finish();
      this.x.dropBody();
      answerStatus(this.x, 500);
    }
  }

  protected writeChunk(connection: RequestOutlet, chunk: Buffer): boolean {
    connection.cork();
    connection.write(chunkHeader(chunk.length));
    writeCopy(connection, chunk);
    const ready = connection.write('\r\n');
    connection.uncork();
    return ready;
  }

  onBodyEnd(): void {
    if (this.stage === Stage.done) return;
    this.bodyEnded = true;
    if (this.spool !== null) {
      this.connect();
      return;
    }
    if (this.x.bodyChunked) {
      this.streamed = true;
      this.connection?.write(lastChunk);
    }
    this.requestComplete();
  }

  onBodyFailed(status: number): void {
    if (this.stage === Stage.done) return;
    this.dropAttempt();
    this.finish();
    this.x.dropBody();
    answerStatus(this.x, status);
  }

  // ---- sending

  protected override send(connection: RequestOutlet): void {
    const x = this.x;
    const { head: template, outgoingUri } = this.settings;
    this.stage = Stage.sending;
    const { replaced } = this.settings;
    const own = replaced?.body?.evaluate(x) ?? null;
    const spool = own !== null || replaced?.passBody === false ? null : this.spool;
    const framing = own === null ? this.framing(spool) : own.length;
    const uri = this.destination.uri ?? outgoingUri(x);
    x.passedBody = framing;
    const head = composeUpstreamHead(template, x, `${this.method} ${uri}`, framing);
    this.requestSent = true;
    if (own !== null) {
      this.sendWhole(connection, connection.write(head + own));
      return;
    }
    if (spool === null || spool.inMemory) {
      if (this.streaming || (spool !== null && spool.length > readAtOnceBytes)) {
        connection.surviveWriteErrors();
      }
      const ready = writeHead(connection, head, spool);
      if (this.streaming) {
        this.stream();
        return;
      }
      this.spoolPosition = spool?.length ?? 0;
      this.sendWhole(connection, ready);
      return;
    }
    connection.surviveWriteErrors();
    connection.write(head);
    this.spoolPosition = 0;
    this.pumpSpool(connection, spool);
  }

  protected sendWhole(connection: RequestOutlet, ready: boolean): void {
    this.requestWhole = true;
    if (ready) this.requestComplete();
    else if (this.sendFailure === null) connection.arm(this.settings.sendTimeout);
  }

  protected stream(): void {
    const { client } = this.x;
    if (this.reading) {
      client.resumeBody();
      return;
    }
    this.reading = true;
    client.readBody(this.x, this);
  }

  protected framing(spool: StoredBody | null): number {
    const x = this.x;
    if (spool !== null) return spool.length;
    if (this.settings.replaced?.passBody === false) return BodyFraming.none;
    if (this.streaming) return x.bodyChunked ? BodyFraming.chunked : x.bodyLength;
    return x.bodyLength === 0 ? 0 : BodyFraming.none;
  }

  protected pumpSpool(connection: RequestOutlet, spool: StoredBody): void {
    // What the kernel takes at once is still in memory until the loop is left.
    let left = chunksAtOnce;
    while (this.spoolPosition < spool.length && this.sendFailure === null) {
      if (left === 0) {
        setImmediate(goOnPumping, this, connection);
        return;
      }
      left -= 1;
      const chunk = spool.read(this.spoolPosition);
      if (chunk.length === 0) break;
      this.spoolPosition += chunk.length;
      if (!connection.writeAndFree(chunk)) {
        if (this.stage === Stage.sending) connection.arm(this.settings.sendTimeout);
        return;
      }
    }
    this.requestComplete();
  }

  /** After `pumpSpool` has let others have their turn. */
  pumpAgain(connection: RequestOutlet): void {
    const { spool, stage } = this;
    if (connection !== this.connection || spool === null || stage === Stage.done) return;
    guarded(this.x, () => this.pumpSpool(connection, spool));
  }

  protected requestComplete(): void {
    if (this.sendFailure !== null) return;
    this.requestWhole = true;
    if (this.stage !== Stage.sending) return;
    this.stage = Stage.head;
    this.connection?.arm(this.settings.readTimeout);
  }

  override onDrain(): void {
    const connection = this.connection;
    if (connection === null || this.stage === Stage.connecting || this.stage === Stage.done) return;
    if (this.streaming) {
      if (this.bodyEnded) this.requestComplete();
      else {
        if (this.stage === Stage.sending) connection.disarm();
        this.x.client.resumeBody();
      }
      return;
    }
    // An answer may begin while the body is still going out; the server may want the rest of it.
    if (this.spool !== null) guarded(this.x, () => this.resumeSpool(connection));
    else this.requestComplete();
  }

  protected resumeSpool(connection: RequestOutlet): void {
    if (this.spool !== null) this.pumpSpool(connection, this.spool);
  }
}

function goOnPumping(sender: RequestSender, connection: RequestOutlet): void {
  sender.pumpAgain(connection);
}

/** Of bytes that are good during this call only. */
function writeCopy(connection: RequestOutlet, chunk: Buffer): boolean {
  if (chunk.length < leastInBlock) return connection.write(Buffer.from(chunk));
  let ready = true;
  for (let at = 0; at < chunk.length;) {
    const block = takeBlock();
    const bytes = chunk.copy(block, 0, at);
    at += bytes;
    ready = connection.write(block.subarray(0, bytes), (error) => {
      // What failed may still be looked at.
      if (error === null || error === undefined) giveBlock(block);
    });
  }
  return ready;
}

function writeHead(connection: RequestOutlet, head: string, stored: StoredBody | null): boolean {
  const whole = stored?.precededBy?.(head) ?? null;
  if (whole !== null) return connection.writeMessage(whole);
  if (stored === null || stored.length === 0) return connection.writeMessage(head);
  const body = stored.parts();
  if (stored.length <= inlineBodyBytes) {
    return connection.writeMessage(head + body.map((part) => part.toString('latin1')).join(''));
  }
  connection.cork();
  let ready = connection.write(head);
  for (const chunk of body) ready = connection.write(chunk);
  connection.uncork();
  return ready;
}
