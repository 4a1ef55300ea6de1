// Value types for numbers, sizes and times, with nginx's error messages.

import { parseMilliseconds, parseSeconds } from '../base/duration.ts';
import { parseOffset, parseSize } from '../base/size.ts';
import { custom, singleValue } from './custom-type.ts';
import type { ValueType } from './row.ts';

/** Bytes in memory: `512`, `8k`, `1m`. */
export const size: ValueType<number> = singleValue('a size such as 512, 8k or 1m', parseSize);

/** As `size`, where nothing would work with 0 bytes. */
export const bytes1: ValueType<number> = singleValue(
  'a size of at least 1 byte, such as 8k or 1m',
  (text) => aboveZero(parseSize(text)),
);

/** Bytes of a body or file: as `size`, and `1g` too. */
export const offset: ValueType<number> = singleValue('a size such as 8k, 1m or 2g', parseOffset);

/** Milliseconds: `500ms`, `30s`, `1h30m`; a bare number counts seconds. */
export const time: ValueType<number> = singleValue(
  'a time such as 500ms, 30s or 1h30m',
  parseMilliseconds,
);

/** Seconds, where nginx has no finer ones: `30s`, `1h30m`, `1d`, `1M`, `1y`. */
export const seconds: ValueType<number> = singleValue(
  'a time in whole seconds such as 30s, 1h30m or 1d',
  parseSeconds,
);

/** What a number may be; both ends included. */
export interface NumberBounds {
  readonly min?: number;
  readonly max?: number;
}

/** A whole number without sign or unit. */
export function number(bounds: NumberBounds = {}): ValueType<number> {
  const { min = 0, max = Infinity } = bounds;
  const expects = boundsText(min, max);
  return custom(expects, (node, help) => {
    const argument = node.args[0];
    const at = argument?.at ?? node.at;
    const value = parseNumber(argument?.text ?? '');
    if (value === null) {
      help.error(at, `"${node.name}" directive invalid number`, `expected ${expects}`);
    } else if (value < min || value > max) {
      help.error(at, boundsMessage(min, max));
    } else return value;
    return null;
  });
}

/** Reads a whole number without sign or unit; null where the text is none. */
export function parseNumber(text: string): number | null {
  if (!/^\d+$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

function boundsText(min: number, max: number): string {
  if (max !== Infinity) return `a whole number from ${min} to ${max}`;
  return min === 0 ? 'a whole number' : `a whole number of at least ${min}`;
}

function boundsMessage(min: number, max: number): string {
  if (max !== Infinity) return `value must be between ${min} and ${max}`;
  return `value must be equal to or greater than ${min}`;
}

/** A number of buffers of one size. */
export interface Buffers {
  readonly number: number;
  /** Bytes of each. */
  readonly size: number;
}

/** Two arguments: how many buffers, and the bytes of each. Neither may be 0. */
export const buffers: ValueType<Buffers> = custom(
  'a number of buffers and their size, such as 8 4k',
  (node, help) => {
    const count = aboveZero(parseNumber(node.args[0]?.text ?? ''));
    const bytes = aboveZero(parseSize(node.args[1]?.text ?? ''));
    if (count !== null && bytes !== null) return { number: count, size: bytes };
    const at = node.args[count === null ? 0 : 1]?.at ?? node.at;
    help.error(at, `"${node.name}" directive invalid value`, `expected ${buffers.expects}`);
    return null;
  },
);

function aboveZero(value: number | null): number | null {
  return value === 0 ? null : value;
}
