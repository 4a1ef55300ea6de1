// A set of bytes: what a variable or a group of a regular expression may hold.

/** Bytes 0 to 255. */
export class CharSet {
  readonly #members = new Uint8Array(256);

  /** Characters and ranges as in a class: "a-z0-9_"; a backslash takes the next as it is. */
  static of(text: string): CharSet {
    const set = new CharSet();
    for (let i = 0; i < text.length; i += 1) {
      if (text.charAt(i) === '\\' && i + 1 < text.length) {
        i += 1;
        set.add(text.charCodeAt(i));
      } else if (text.charAt(i + 1) === '-' && i + 2 < text.length) {
        set.addAll(CharSet.range(text.charCodeAt(i), text.charCodeAt(i + 2)));
        i += 2;
      } else set.add(text.charCodeAt(i));
    }
    return set;
  }

  static range(from: number, to: number): CharSet {
    const set = new CharSet();
    for (let code = from; code <= to; code += 1) set.add(code);
    return set;
  }

  /** A POSIX class; one that is not known is everything. */
  static named(name: string): CharSet {
    const text = posix[name];
    return text === undefined ? new CharSet().inverted() : CharSet.of(text);
  }

  // Beyond Latin-1 there are several bytes, all of them above 127.
  add(code: number): void {
    if (code < 256) this.#members[code] = 1;
    else this.#members.fill(1, 128);
  }

  addAll(other: CharSet): void {
    for (let code = 0; code < 256; code += 1) if (other.#members[code] === 1) this.add(code);
  }

  has(char: string): boolean {
    return this.#members[char.charCodeAt(0)] === 1;
  }

  /** Any of these? */
  hasAny(chars: string): boolean {
    return [...chars].some((char) => this.has(char));
  }

  /** The lowest byte; 0 where there is none. */
  first(): number {
    return Math.max(0, this.#members.indexOf(1));
  }

  get size(): number {
    return this.#members.reduce((sum, one) => sum + one, 0);
  }

  inverted(): CharSet {
    const set = new CharSet();
    for (let code = 0; code < 256; code += 1) set.#members[code] = 1 - (this.#members[code] ?? 0);
    return set;
  }

  union(other: CharSet): CharSet {
    const set = new CharSet();
    set.addAll(this);
    set.addAll(other);
    return set;
  }

  intersection(other: CharSet): CharSet {
    const set = new CharSet();
    for (let code = 0; code < 256; code += 1) {
      if (this.#members[code] === 1 && other.#members[code] === 1) set.add(code);
    }
    return set;
  }

  meets(other: CharSet): boolean {
    return this.#members.some((one, code) => one === 1 && other.#members[code] === 1);
  }

  withBothCases(): CharSet {
    const set = this.union(new CharSet());
    for (let code = 65; code <= 90; code += 1) {
      if (this.#members[code] === 1) set.add(code + 32);
      if (this.#members[code + 32] === 1) set.add(code);
    }
    return set;
  }
}

const posix: Readonly<Record<string, string>> = {
  alpha: 'a-zA-Z',
  digit: '0-9',
  alnum: 'a-zA-Z0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: ' \t\r\n\f\v',
  blank: ' \t',
  word: 'a-zA-Z0-9_',
  xdigit: '0-9a-fA-F',
};
