// The body filter of `add_before_body` and `add_after_body`: first the answer of one subrequest, then
// the body, then that of another. The body waits for the first one.

import type { BodyFilter, FilterOutput } from '../exchange/body-filter.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { startSubrequest, type Subrequest, type SubrequestReceiver } from '../server/subrequest.ts';

export class AdditionFilter implements BodyFilter, SubrequestReceiver {
  readonly #x: Exchange;
  readonly #before: string;
  readonly #after: string;
  #out: FilterOutput | null = null;
  #stage: 'idle' | 'before' | 'body' | 'after' | 'over' = 'idle';
  #sub: Subrequest | null = null;
  /** What came of the body before its turn. */
  #waiting: Buffer[] = [];
  #ended = false;

  /** Empty paths add nothing. */
  constructor(x: Exchange, before: string, after: string) {
    this.#x = x;
    this.#before = before;
    this.#after = after;
  }

  begin(out: FilterOutput): void {
    this.#out = out;
  }

  get busy(): boolean {
    return this.#stage === 'before';
  }

  write(chunk: Buffer): void {
    if (this.#stage === 'body') {
      this.#out?.write(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.#start();
  }

  end(): void {
    this.#ended = true;
    this.#start();
    if (this.#stage === 'body') this.#finish();
  }

  close(): void {
    this.#stage = 'over';
    this.#out = null;
    this.#sub?.abort();
    this.#sub = null;
  }

  onSubrequestBody(chunk: Buffer): void {
    this.#out?.write(chunk);
  }

  onSubrequestEnd(): void {
    this.#sub = null;
    if (this.#stage === 'before') this.#beginBody();
    else if (this.#stage === 'after') this.#end();
  }

  // Not before the first bytes: the filters that follow are not ready earlier.
  #start(): void {
    if (this.#stage !== 'idle') return;
    this.#stage = 'before';
    if (this.#before === '') this.#beginBody();
    else if (!this.#ask(this.#before)) this.#beginBody();
  }

  #beginBody(): void {
    this.#stage = 'body';
    for (const chunk of this.#waiting.splice(0)) this.#out?.write(chunk);
    if (this.#ended) this.#finish();
    else this.#out?.ready();
  }

  #finish(): void {
    this.#stage = 'after';
    if (this.#after === '' || !this.#ask(this.#after)) this.#end();
  }

  #end(): void {
    if (this.#stage === 'over') return;
    this.#stage = 'over';
    this.#out?.end();
  }

  // False: it could not be asked.
  #ask(uri: string): boolean {
    const asked = startSubrequest(this.#x, { uri, args: '', method: 'GET', body: null }, this);
    if (asked === null) return false;
    if (!asked.exchange.finished) this.#sub = asked;
    return true;
  }
}
