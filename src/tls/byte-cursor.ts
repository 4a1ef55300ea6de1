// Reads TLS's presentation language (RFC 8446 section 3): big-endian numbers and vectors with a
// length in front. Every read is checked against the end.

/** The bytes are not what the format demands. The message says what. */
export class MalformedBytes extends Error {}

/** A position in bytes that only goes forward. */
export class ByteCursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** A vector whose length takes the given number of bytes, with bounds for that length. */
  vector(lengthBytes: 1 | 2, { least, most }: { least: number; most: number }): ByteCursor {
    const length = lengthBytes === 1 ? this.uint8() : this.uint16();
    if (length < least || length > most) throw new MalformedBytes('vector of a wrong length');
    const start = this.#take(length);
    return new ByteCursor(this.#bytes.subarray(start, start + length));
  }

  /** All that is left as 16-bit numbers. */
  allUint16(): number[] {
    const numbers: number[] = [];
    while (!this.done) numbers.push(this.uint16());
    return numbers;
  }

  /** The next bytes, or all that is left, as text of one character per byte. */
  latin1(count: number = this.left): string {
    const start = this.#take(count);
    return this.#bytes.toString('latin1', start, start + count);
  }

  #take(count: number): number {
    const start = this.#at;
    if (start + count > this.#bytes.length) throw new MalformedBytes('it ends too early');
    this.#at = start + count;
    return start;
  }
}
