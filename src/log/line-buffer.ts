// Bytes of log lines on their way to a file. Lines are written character by character into one
// buffer that is used again and again: no string is built for a line, and escaping happens in the
// same pass. Text at run time has one character per byte.

const usualBytes = 65_536;

/** What each byte becomes inside a quoted field: 0 itself, 1 is escaped. */
export interface EscapeTable {
  readonly unsafe: Uint8Array;
  /** The text for an unsafe byte. */
  readonly replacement: readonly string[];
}

/** Gathers bytes; grows as needed. */
export class LineBuffer {
  bytes: Buffer;
  length = 0;
  readonly #initialBytes: number;

  /** @param initialBytes - what it holds before it has to grow, default 64 Ki */
  constructor(initialBytes = usualBytes) {
    this.#initialBytes = initialBytes;
    this.bytes = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** Adds text of the data path: one character is one byte. */
  text(text: string): void {
    const size = text.length;
    if (this.length + size > this.bytes.length) this.#grow(size);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < size; i += 1) {
      bytes[at] = text.charCodeAt(i);
      at += 1;
    }
    this.length = at;
  }

  /** Adds text, with unsafe bytes replaced. */
  escaped(text: string, table: EscapeTable): void {
    const size = text.length;
    if (this.length + size > this.bytes.length) this.#grow(size);
    const { bytes } = this;
    const { unsafe } = table;
    let at = this.length;
    for (let i = 0; i < size; i += 1) {
      const code = text.charCodeAt(i);
      if (unsafe[code & 0xff] === 1) {
        this.length = at;
        this.#escapeFrom(text, i, table);
        return;
      }
      bytes[at] = code;
      at += 1;
    }
    this.length = at;
  }

  #escapeFrom(text: string, start: number, table: EscapeTable): void {
    let rest = '';
    for (let i = start; i < text.length; i += 1) {
      const code = text.charCodeAt(i) & 0xff;
      rest += table.unsafe[code] === 1 ? table.replacement[code] : text.charAt(i);
    }
    this.text(rest);
  }

  /** Adds text that people wrote, in UTF-8. */
  utf8(text: string): void {
    const size = Buffer.byteLength(text);
    if (this.length + size > this.bytes.length) this.#grow(size);
    this.length += this.bytes.write(text, this.length, 'utf8');
  }

  /** Takes what was gathered; the caller gives the buffer back with `reuse` once it is written. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = this.#spare ?? Buffer.allocUnsafeSlow(this.#initialBytes);
    this.#spare = null;
    this.length = 0;
    return taken;
  }

  #spare: Buffer | null = null;

  /** Buffers that grew are not kept: one flood would hold its memory for ever. */
  reuse(taken: Buffer): void {
    if (taken.buffer.byteLength === this.#initialBytes && taken.byteOffset === 0) {
      this.#spare = Buffer.from(taken.buffer);
    }
  }

  #grow(more: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(bytes, 0, 0, this.length);
    this.bytes = bytes;
  }
}
