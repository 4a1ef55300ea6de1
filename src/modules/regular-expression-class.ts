// A bracketed class of a PCRE pattern, `[a-z\d[:alpha:]]`, written for JavaScript.

import { escapedByte, hex, PatternError, shorthands } from './regular-expression-text.ts';

const posix: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e',
  space: '\\t-\\r ',
  upper: 'A-Z',
  word: 'A-Za-z0-9_',
  xdigit: '0-9A-Fa-f',
};

/** One piece of a class: a byte, which may begin a range, or a set. */
type Piece =
  | { readonly code: number; readonly length: number }
  | { readonly set: string; readonly length: number };

/**
 * @param at - of the `[`
 * @returns the class, and where the pattern goes on
 */
export function readClass(
  text: string,
  at: number,
  caseless: boolean,
): { readonly source: string; readonly end: number } {
  const negated = text.charAt(at + 1) === '^';
  let position = at + (negated ? 2 : 1);
  const first = position;
  const parts: string[] = [];
  for (;;) {
    if (position >= text.length)
      throw new PatternError('missing terminating ] for character class');
    if (text.charAt(position) === ']' && position > first) break;
    const piece = readPiece(text, position);
    position += piece.length;
    if ('set' in piece) {
      parts.push(caseless ? bothCases(piece.set) : piece.set);
      continue;
    }
    const last = rangeEnd(text, position);
    if (last !== null) position += last.length;
    parts.push(range(piece.code, last === null ? piece.code : last.code, caseless));
  }
  return { source: `[${negated ? '^' : ''}${parts.join('')}]`, end: position + 1 };
}

function bothCases(set: string): string {
  return set === 'a-z' || set === 'A-Z' ? 'A-Za-z' : set;
}

function readPiece(text: string, at: number): Piece {
  const char = text.charAt(at);
  if (char === '[') {
    const named = /^\[:(\^?)([a-z]+):\]/.exec(text.slice(at));
    if (named === null) return { code: 0x5b, length: 1 };
    const set = posix[named[2] ?? ''];
    if (set === undefined) throw new PatternError(`unknown POSIX class name "${named[2] ?? ''}"`);
    return { set: named[1] === '^' ? complement(set) : set, length: named[0].length };
  }
  if (char !== '\\') return { code: text.charCodeAt(at), length: 1 };
  return readEscape(text.slice(at + 1));
}

function readEscape(rest: string): Piece {
  const first = rest.charAt(0);
  const set = shorthands[first.toLowerCase()];
  if (set !== undefined) {
    return { set: first === first.toLowerCase() ? set.inside : set.outside, length: 2 };
  }
  if (first === 'b') return { code: 8, length: 2 };
  const byte = escapedByte(rest);
  if (byte !== null) return { code: byte.code, length: byte.length + 1 };
  if (/[A-Za-z]/.test(first)) throw new PatternError(`"\\${first}" in a class is not available`);
  return { code: first.charCodeAt(0), length: 2 };
}

// "-" at the end, or before a set, is itself.
function rangeEnd(
  text: string,
  at: number,
): { readonly code: number; readonly length: number } | null {
  if (text.charAt(at) !== '-' || text.charAt(at + 1) === ']') return null;
  if (at + 1 >= text.length) return null;
  const piece = readPiece(text, at + 1);
  return 'set' in piece ? null : { code: piece.code, length: piece.length + 1 };
}

function range(from: number, to: number, caseless: boolean): string {
  if (to < from) throw new PatternError('range out of order in character class');
  const own = from === to ? hex(from) : `${hex(from)}-${hex(to)}`;
  if (!caseless) return own;
  return own + shifted(from, to, [0x41, 0x5a], 32) + shifted(from, to, [0x61, 0x7a], -32);
}

// The part of a range that is letters, in the other case.
function shifted(
  from: number,
  to: number,
  [low, high]: readonly [number, number],
  by: number,
): string {
  const start = Math.max(from, low);
  const end = Math.min(to, high);
  return start > end ? '' : `${hex(start + by)}-${hex(end + by)}`;
}

function complement(set: string): string {
  const inside = new RegExp(`[${set}]`);
  let ranges = '';
  for (let code = 0; code < 256; code += 1) {
    if (!inside.test(String.fromCharCode(code))) ranges += hex(code);
  }
  return ranges;
}
