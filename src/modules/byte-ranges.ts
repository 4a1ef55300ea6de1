// Parts of a file (RFC 9110, section 14): which are asked for, and how they are written.

import { number } from '../config/value-types.ts';
import { directive } from '../config/row.ts';
import { inHttpServerLocation } from './contexts.ts';

export const maxRanges = directive<number | null>({
  name: 'max_ranges',
  contexts: inHttpServerLocation,
  args: 1,
  value: number(),
  default: null,
  defaultText: 'no limit',
  help: 'How many parts a request may ask for; with more the whole is sent. 0: no parts at all.',
  example: 'max_ranges 1;',
});

/** Positions of bytes, the end excluded. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** `whole`: the field is to be ignored. */
export type Ranges =
  | { readonly kind: 'whole' }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'parts'; readonly parts: readonly ByteRange[] };

const whole: Ranges = Object.freeze({ kind: 'whole' });

/**
 * Reads a Range field.
 *
 * @param size - of the whole, in bytes
 * @param max - parts at most; null without limit
 */
export function readRanges(field: string, size: number, max: number | null): Ranges {
  if (max === 0 || !/^bytes=./i.test(field)) return whole;
  // Of an empty file, what begins at its start is the whole; nothing begins after that.
  if (size === 0 && /^bytes=\s*0*\s*-/i.test(field)) return whole;
  const parts: ByteRange[] = [];
  let total = 0;
  for (const text of field.slice('bytes='.length).split(',')) {
    const range = readRange(text.trim(), size);
    if (range === 'malformed') return { kind: 'unsatisfiable' };
    if (range === null) continue;
    total += range.end - range.start;
    parts.push(range);
    if (max !== null && parts.length > max) return whole;
  }
  if (parts.length === 0) return { kind: 'unsatisfiable' };
  // More than the whole: parts that overlap again and again are an attack.
  return total > size ? whole : { kind: 'parts', parts };
}

// Null: well written, but there is nothing there.
function readRange(text: string, size: number): ByteRange | 'malformed' | null {
  const found = /^(\d*)\s*-\s*(\d*)$/.exec(text);
  if (found === null) return 'malformed';
  const [, first = '', last = ''] = found;
  if (first.length > 15 || last.length > 15) return 'malformed';
  if (first === '') {
    if (last === '') return 'malformed';
    const length = Math.min(Number(last), size);
    return length === 0 ? null : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last === '') return start < size ? { start, end: size } : null;
  const end = Number(last) + 1;
  if (end <= start) return end === start ? null : 'malformed';
  return start < size ? { start, end: Math.min(end, size) } : null;
}

/** `Content-Range` of a part. */
export function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}
