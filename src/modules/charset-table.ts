// `charset_map`: which byte of one charset is which character of another, and the texts that a
// response goes through because of it.

import type { DirectiveNode } from '../config/node.ts';
import type { ParseHelp } from '../config/row.ts';

/** Turns bytes of one charset into bytes of another. `rest` of a character is kept for the next. */
export interface Conversion {
  /** Does the length stay? */
  readonly sameLength: boolean;
  /** A new one for each response. */
  start(): Converter;
}

/** Converts one body. */
export interface Converter {
  convert(chunk: Buffer): Buffer;
  /** What a last, cut character becomes. */
  end(): Buffer;
}

/** One `charset_map`. Names in lower case. */
export interface CharsetMap {
  readonly from: string;
  readonly to: string;
  readonly node: DirectiveNode;
  readonly forth: Conversion;
  readonly back: Conversion;
}

const unknown = 0x3f;
const noBytes = Buffer.alloc(0);

/** Reads a block; null after a reported error. */
export function readCharsetMap(node: DirectiveNode, help: ParseHelp): CharsetMap | null {
  const [from = '', to = ''] = node.args.map((one) => one.text.toLowerCase());
  if (from === to) {
    const names = node.args.map((one) => `"${one.text}"`).join(' and ');
    help.error(node.at, `"charset_map" between the same charsets ${names}`);
    return null;
  }
  if (from === 'utf-8') {
    const hint = 'write the other charset first: it works both ways';
    help.error(node.at, '"charset_map" has "utf-8" as its second charset only', hint);
    return null;
  }
  const pairs = readPairs(node, to === 'utf-8', help);
  if (pairs === null) return null;
  const both = to === 'utf-8' ? unicodePair(pairs) : bytePair(pairs);
  return { from, to, node, ...both };
}

/** A byte, and what it is in the other charset. */
type Pair = readonly [byte: number, other: Buffer];

function readPairs(node: DirectiveNode, isUnicode: boolean, help: ParseHelp): Pair[] | null {
  const pairs: Pair[] = [];
  for (const line of node.block ?? []) {
    const [other] = line.args;
    if (other === undefined || line.args.length !== 1) {
      help.error(line.at, 'invalid parameters number');
      return null;
    }
    const byte = hexBytes(line.name);
    if (byte?.length !== 1) {
      help.error(line.at, `invalid value "${line.name}"`);
      return null;
    }
    const bytes = hexBytes(other.text);
    if (bytes === null || !(isUnicode ? isShortCharacter(bytes) : bytes.length === 1)) {
      help.error(other.at, `invalid value "${other.text}"`);
      return null;
    }
    pairs.push([byte[0] ?? 0, bytes]);
  }
  return pairs;
}

// One digit stands for a byte as well.
function hexBytes(text: string): Buffer | null {
  if (!/^[0-9a-f]+$/i.test(text)) return null;
  if (text.length === 1) return Buffer.of(Number.parseInt(text, 16));
  return text.length % 2 === 0 ? Buffer.from(text, 'hex') : null;
}

// nginx's tables end at U+FFFF.
function isShortCharacter(bytes: Buffer): boolean {
  const text = bytes.toString('utf8');
  return [...text].length === 1 && text.length === 1 && Buffer.from(text).equals(bytes);
}

function bytePair(pairs: readonly Pair[]): Pick<CharsetMap, 'forth' | 'back'> {
  const forth = byteTable();
  const back = byteTable();
  for (const [byte, other] of pairs) {
    const to = other[0] ?? unknown;
    forth[byte] = to;
    back[to] = byte;
  }
  return { forth: byteConversion(forth), back: byteConversion(back) };
}

function byteTable(): Buffer {
  const table = Buffer.alloc(256, unknown);
  for (let code = 0; code < 0x80; code += 1) table[code] = code;
  return table;
}

function byteConversion(table: Buffer): Conversion {
  const convert = (chunk: Buffer): Buffer => {
    const converted = Buffer.allocUnsafe(chunk.length);
    for (let i = 0; i < chunk.length; i += 1) converted[i] = table[chunk[i] ?? 0] ?? unknown;
    return converted;
  };
  const converter = { convert, end: () => noBytes };
  return { sameLength: true, start: () => converter };
}

function unicodePair(pairs: readonly Pair[]): Pick<CharsetMap, 'forth' | 'back'> {
  const characters = Array.from({ length: 256 }, (_, code) =>
    code < 0x80 ? String.fromCharCode(code) : '?',
  );
  const bytes = new Map<number, number>();
  for (const [byte, other] of pairs) {
    const character = other.toString('utf8');
    characters[byte] = character;
    bytes.set(character.charCodeAt(0), byte);
  }
  return {
    forth: {
      sameLength: false,
      start: () => ({ convert: (chunk) => toUnicode(chunk, characters), end: () => noBytes }),
    },
    back: { sameLength: false, start: () => new FromUnicode(bytes) },
  };
}

function toUnicode(chunk: Buffer, characters: readonly string[]): Buffer {
  let text = '';
  for (const byte of chunk) text += characters[byte] ?? '?';
  return Buffer.from(text);
}

/**
 * A character that the other charset has not becomes a reference of HTML, as in nginx; malformed
 * bytes are read as nginx reads them.
 */
class FromUnicode implements Converter {
  readonly #bytes: ReadonlyMap<number, number>;
  #rest: Buffer = noBytes;

  constructor(bytes: ReadonlyMap<number, number>) {
    this.#bytes = bytes;
  }

  convert(chunk: Buffer): Buffer {
    const input = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let text = '';
    let at = 0;
    while (at < input.length) {
      const more = followers(input[at] ?? 0);
      if (at + more >= input.length) break;
      const { code, next } = decode(input, at, more);
      text += this.#character(code);
      at = next;
    }
    this.#rest = Buffer.from(input.subarray(at));
    return Buffer.from(text, 'latin1');
  }

  end(): Buffer {
    this.#rest = noBytes;
    return noBytes;
  }

  #character(code: number): string {
    if (code < 0x80 && code >= 0) return String.fromCharCode(code);
    if (code < 0 || code > 0x10ffff) return '?';
    const byte = this.#bytes.get(code);
    return byte === undefined ? `&#${code};` : String.fromCharCode(byte);
  }
}

// How many bytes follow the first one of a character.
function followers(first: number): number {
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 1;
  return first < 0xf0 ? 2 : 3;
}

/** The least code that takes so many bytes more; shorter ones must not be written longer. */
const least = [0, 0x80, 0x800, 0x10000] as const;

// A code below 0 says that the bytes are malformed.
function decode(input: Buffer, at: number, more: number): { code: number; next: number } {
  const first = input[at] ?? 0;
  if (more === 0) return { code: first < 0x80 ? first : -1, next: at + 1 };
  let code = first & (0x3f >> more);
  for (let i = 1; i <= more; i += 1) {
    const byte = input[at + i] ?? 0;
    if (byte < 0x80) return { code: -1, next: at + i + 1 };
    code = (code << 6) | (byte & 0x3f);
  }
  return { code: code < (least[more] ?? 0) ? -1 : code, next: at + more + 1 };
}
