// Sends a request to the server that was picked: head and body in one write where the body is in
// memory, from a temporary file, or streamed as the client sends it.

import type { BodySink } from '../exchange/downstream.ts';
import type { StoredBody } from '../exchange/exchange.ts';
import { chunkHeader, lastChunk } from '../http1/chunked.ts';
import { answerStatus, guarded } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { Attempt, Stage } from './attempt.ts';
import { RequestSpool } from './request-spool.ts';
import { BodyFraming, composeUpstreamHead } from './upstream-head.ts';

/** Bodies up to this size leave in one string with the head. */
const inlineBodyBytes = 8192;

export abstract class RequestSender extends Attempt implements BodySink {
  start(): void {
    const x = this.x;
    x.owner = this;
    x.tries ??= [];
    this.firstTry = x.tries.length;
    if (x.storedBody !== null || !x.hasBody) {
      this.spool = x.storedBody;
      this.bodyEnded = true;
      this.connect();
    } else if (this.settings.requestBuffering) {
      const spool = new RequestSpool(this.settings.bodyBufferSize, this.settings.bodyTempPath);
      this.spool = spool;
      x.storedBody = spool;
      x.client.readBody(x, this);
    } else {
      this.streaming = true;
      this.connect();
    }
  }

  // ---- the request body

  onBodyData(chunk: Buffer): void {
    if (this.stage === Stage.done) return;
    if (this.spool !== null) {
      this.store(this.spool, chunk);
      return;
    }
    const connection = this.connection;
    if (connection === null) return;
    this.streamed = true;
    const ready = this.x.bodyChunked ? this.writeChunk(connection, chunk) : connection.write(chunk);
    if (ready) return;
    this.x.client.pauseBody();
    if (this.stage === Stage.sending) connection.arm(this.settings.sendTimeout);
  }

  protected store(spool: StoredBody, chunk: Buffer): void {
    try {
      spool.append(chunk);
    } catch (thrown) {
      logError(this.x, 'crit', `request body can't be buffered: ${String(thrown)}`);
      this.finish();
      this.x.dropBody();
      answerStatus(this.x, 500);
    }
  }

  protected writeChunk(connection: UpstreamConnection, chunk: Buffer): boolean {
    connection.cork();
    connection.write(chunkHeader(chunk.length));
    connection.write(chunk);
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

  protected override send(connection: UpstreamConnection): void {
    const x = this.x;
    const { head: template, outgoingUri } = this.settings;
    this.stage = Stage.sending;
    const spool = this.spool;
    const framing = this.framing(spool);
    const uri = this.destination.uri ?? outgoingUri(x);
    const head = composeUpstreamHead(template, x, uri, framing);
    this.requestSent = true;
    const body = spool === null ? null : spool.inMemory;
    if (spool === null || body !== null) {
      const ready = writeHead(connection, head, body);
      if (this.streaming) {
        this.stream();
        return;
      }
      this.spoolPosition = spool?.length ?? 0;
      this.requestWhole = true;
      if (ready) this.requestComplete();
      else connection.arm(this.settings.sendTimeout);
      return;
    }
    connection.write(head);
    this.spoolPosition = 0;
    this.pumpSpool(connection, spool);
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
    if (this.streaming) return x.bodyChunked ? BodyFraming.chunked : x.bodyLength;
    return x.bodyLength === 0 && !x.internal ? 0 : BodyFraming.none;
  }

  protected pumpSpool(connection: UpstreamConnection, spool: StoredBody): void {
    while (this.spoolPosition < spool.length) {
      const chunk = spool.read(this.spoolPosition);
      if (chunk.length === 0) break;
      this.spoolPosition += chunk.length;
      if (!connection.write(chunk)) {
        if (this.stage === Stage.sending) connection.arm(this.settings.sendTimeout);
        return;
      }
    }
    this.requestComplete();
  }

  protected requestComplete(): void {
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

  protected resumeSpool(connection: UpstreamConnection): void {
    if (this.spool !== null) this.pumpSpool(connection, this.spool);
  }
}

function writeHead(
  connection: UpstreamConnection,
  head: string,
  body: readonly Buffer[] | null,
): boolean {
  const [first] = body ?? [];
  if (body === null || first === undefined) return connection.write(head);
  if (body.length === 1 && first.length <= inlineBodyBytes) {
    return connection.write(head + first.toString('latin1'));
  }
  connection.cork();
  let ready = connection.write(head);
  for (const chunk of body) ready = connection.write(chunk);
  connection.uncork();
  return ready;
}
