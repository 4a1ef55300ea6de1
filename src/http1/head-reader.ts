// The bytes of one head while it is being read: where they are, how far reading has come, and what
// was wrong. The readers of start lines and field lines share it instead of passing six parameters.

import { HeadResult } from './head-result.ts';

const nothing = Buffer.alloc(0);
// Above this size the end of the head is searched for before text is made, so that a body in the
// same buffer is not copied along.
const sliceBytes = 2048;

/**
 * Scratch space of a parser. `input[position..bound)` ends with an empty line, so a loop that stops
 * at CR needs no other bound.
 */
export class HeadReader {
  input: Buffer;
  /** latin1 text of input[base..bound): values are cut out of it. */
  text: string;
  base: number;
  bound: number;
  position: number;
  /** What was wrong; holds no byte of the input, so no control character either. */
  error: string;
  /** The field name read last is valid by no rule and is left out. */
  nameDropped: boolean;
  /** Every token is a valid field name: responses and trailers. */
  readonly anyToken: boolean;

  constructor(names: 'any token' | 'as ruled') {
    this.input = nothing;
    this.text = '';
    this.base = 0;
    this.bound = 0;
    this.position = 0;
    this.error = '';
    this.nameDropped = false;
    this.anyToken = names === 'any token';
  }

  open(input: Buffer, base: number, bound: number): void {
    this.input = input;
    this.text = input.toString('latin1', base, bound);
    this.base = base;
    this.bound = bound;
    this.position = base;
  }

  /** Lets go of the bytes, which otherwise would stay in memory until the next head. */
  close(): void {
    this.input = nothing;
    this.text = '';
  }

  /** Text of input[start..end). */
  cut(start: number, end: number): string {
    return start === end ? '' : this.text.substring(start - this.base, end - this.base);
  }

  /** As `cut`; where it is the usual text, that itself, which needs no memory. */
  cutUsual(start: number, end: number, usual: string): string {
    if (end - start !== usual.length) return this.cut(start, end);
    for (let i = 0; i < usual.length; i += 1) {
      if (this.input[start + i] !== usual.charCodeAt(i)) return this.cut(start, end);
    }
    return usual;
  }

  /** Notes what is wrong at a byte and returns the result given. */
  fail(result: number, what: string, at: number): number {
    this.error = `${what} at byte ${at - this.base}`;
    return result;
  }

  bad(what: string, at: number): number {
    return this.fail(HeadResult.badRequest, what, at);
  }
}

/**
 * An offset at or after the end of the first head in input[start..end), 0 if no head ends there.
 * A head that fills the buffer, which is the usual case, is seen by its last four bytes.
 */
export function boundOfHead(input: Buffer, start: number, end: number): number {
  const size = end - start;
  if (
    size <= sliceBytes &&
    size >= 4 &&
    input[end - 1] === 0x0a &&
    input[end - 2] === 0x0d &&
    input[end - 3] === 0x0a &&
    input[end - 4] === 0x0d
  ) {
    return end;
  }
  const at = input.indexOf('\r\n\r\n', start, 'latin1');
  return at < 0 || at + 4 > end ? 0 : at + 4;
}
