// Reads answers out of a byte stream as they come, without ever holding a whole body. Strict: what
// does not parse is an error, since it is the proxy under test that wrote it. Shares nothing with it.

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** By lower-case name; of several lines the last. */
  readonly fields: ReadonlyMap<string, string>;
}

/** What is to be done with what was read. */
export interface AnswerEvents {
  /** Returns false where no body follows, whatever the head says. */
  onHead(head: AnswerHead): boolean;
  onBody(chunk: Buffer): void;
  onEnd(): void;
  /** Bytes after an upgrade. */
  onTunnel(chunk: Buffer): void;
}

type State = 'head' | 'length' | 'chunk size' | 'chunk' | 'chunk end' | 'trailers' | 'tunnel';

const longestHead = 65_536;

export class ResponseReader {
  state: State = 'head';
  readonly #events: AnswerEvents;
  #text = '';
  /** Bytes of the body or of the chunk that are still to come. */
  #left = 0;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** Has nothing of a next answer come? */
  get isBetween(): boolean {
    return this.state === 'head' && this.#text === '';
  }

  /** @throws Error where the bytes are no answer */
  feed(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at);
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.state) {
      case 'tunnel':
        this.#events.onTunnel(bytes.subarray(at));
        return bytes.length;
      case 'length':
      case 'chunk':
        return this.#content(bytes, at);
      default:
        return this.#line(bytes, at);
    }
  }

  #content(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#events.onBody(bytes.subarray(at, end));
    if (this.#left > 0) return end;
    if (this.state === 'chunk') this.state = 'chunk end';
    else this.#end();
    return end;
  }

  #line(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    this.#text += bytes.toString('latin1', at, end);
    if (this.#text.length > longestHead) throw new Error('an endless head or line');
    if (newline < 0) return end;
    const isWhole = this.state !== 'head' || this.#text.endsWith('\r\n\r\n');
    if (!isWhole) return end;
    const text = this.#text;
    this.#text = '';
    if (!text.endsWith('\r\n')) throw new Error(`a bare LF after ${JSON.stringify(text)}`);
    this.#whole(text);
    return end;
  }

  #whole(text: string): void {
    if (this.state === 'head') {
      this.#head(text);
    } else if (this.state === 'chunk size') {
      if (!/^[0-9a-f]+\r\n$/i.test(text)) throw new Error(`chunk size ${JSON.stringify(text)}`);
      this.#left = parseInt(text, 16);
      this.state = this.#left === 0 ? 'trailers' : 'chunk';
    } else if (this.state === 'chunk end') {
      if (text !== '\r\n') throw new Error(`after a chunk: ${JSON.stringify(text)}`);
      this.state = 'chunk size';
    } else if (text === '\r\n') {
      this.#end();
    }
  }

  #head(text: string): void {
    const [first = '', ...lines] = text.slice(0, -4).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    if (!(status >= 100)) throw new Error(`not an answer: ${JSON.stringify(first.slice(0, 200))}`);
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    if (status < 200 && status !== 101) return;
    const hasBody = this.#events.onHead({ status, fields });
    if (status === 101) this.state = 'tunnel';
    else if (!hasBody || status === 204 || status === 304) this.#end();
    else this.#begin(fields);
  }

  #begin(fields: ReadonlyMap<string, string>): void {
    if (fields.get('transfer-encoding') === 'chunked') {
      this.state = 'chunk size';
      return;
    }
    const length = Number(fields.get('content-length') ?? NaN);
    if (!Number.isInteger(length)) throw new Error('an answer without framing');
    this.#left = length;
    this.state = 'length';
    if (length === 0) this.#end();
  }

  #end(): void {
    this.state = 'head';
    this.#events.onEnd();
  }
}
