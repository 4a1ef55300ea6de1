// Reads the body of a request whole before its handlers go on (`mirror`): it is in `storedBody` then.

import { describeFileError } from '../base/system-error.ts';
import type { BodySink, ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, NEXT } from '../exchange/handler.ts';
import { answerStatus, guarded, resumePhases } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { RequestSpool, type BodyStorage } from './request-spool.ts';

/**
 * For a handler: begins to read.
 *
 * @returns NEXT where the body is there, or there is none. HANDLED: the handler returns that too, and
 *   is asked again when the body has come; where it did not, the request has been answered
 */
export function readWholeBody(x: Exchange, storage: BodyStorage): number {
  if (x.storedBody !== null || !x.hasBody) return NEXT;
  return new BodyReading(x, storage).start();
}

class BodyReading implements BodySink, ExchangeOwner {
  readonly survivesAbort = false;
  readonly #x: Exchange;
  readonly #spool: RequestSpool;
  #starting = true;
  #ended = false;
  #failed = false;

  constructor(x: Exchange, storage: BodyStorage) {
    this.#x = x;
    this.#spool = new RequestSpool(storage);
  }

  start(): number {
    const x = this.#x;
    x.owner = this;
    x.storedBody = this.#spool;
    x.client.readBody(x, this);
    this.#starting = false;
    return this.#ended && !this.#failed ? NEXT : HANDLED;
  }

  onBodyData(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      this.#spool.append(chunk);
    } catch (thrown) {
      logError(this.#x, 'crit', `request body can't be buffered: ${describeFileError(thrown)}`);
      this.onBodyFailed(500);
    }
  }

  onBodyEnd(): void {
    if (this.#ended) return;
    const x = this.#x;
    this.#ended = true;
    x.owner = null;
    if (this.#starting) return;
    x.phase -= 1;
    guarded(x, resumePhases);
  }

  onBodyFailed(status: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failed = true;
    this.#x.dropBody();
    answerStatus(this.#x, status);
  }

  onClientDrain(): void {
    // Nothing has been sent yet.
  }

  onClientAborted(): void {
    this.#ended = true;
  }
}
