// Conditional requests (RFC 9110, section 13) for what comes from a file: whether the client's copy is
// still good, or the thing that it wants to change is still the one it saw.

import type { Exchange } from '../exchange/exchange.ts';
import { flag, choice } from '../config/value-types.ts';
import { directive } from '../config/row.ts';
import { parseDate } from '../http1/date.ts';
import { inHttpServerLocation } from './contexts.ts';

/** `if_modified_since` */
export type IfModifiedSince = 'off' | 'exact' | 'before';

export const etag = directive({
  name: 'etag',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether files are sent with an ETag, made of their time and size.',
  example: 'etag off;',
});

export const ifModifiedSince = directive<IfModifiedSince>({
  name: 'if_modified_since',
  contexts: inHttpServerLocation,
  args: 1,
  value: choice(['off', 'exact', 'before'] as const),
  default: 'exact',
  defaultText: 'exact',
  help:
    'How If-Modified-Since is compared with the time of a file: not at all, exactly, or whether the ' +
    'file is not newer.',
  example: 'if_modified_since before;',
});

/** What is known of the thing that was asked for. */
export interface Validators {
  /** With its quotes; null where there is none. */
  readonly etag: string | null;
  /** Seconds since the epoch. */
  readonly modified: number;
  readonly mode: IfModifiedSince;
}

/** @returns 304 or 412, or 0 where the request goes on */
export function checkPreconditions(x: Exchange, validators: Validators): number {
  const { fields } = x.request;
  const unmodified = fields.get('if-unmodified-since');
  if (unmodified !== null && !isUnmodified(unmodified, validators)) return 412;
  const match = fields.get('if-match');
  if (match !== null && !matchesTag(match, validators.etag, false)) return 412;
  const modified = fields.get('if-modified-since');
  const noneMatch = fields.get('if-none-match');
  if (modified === null && noneMatch === null) return 0;
  if (modified !== null && isModified(modified, validators)) return 0;
  if (noneMatch !== null && !matchesTag(noneMatch, validators.etag, true)) return 0;
  return 304;
}

/**
 * The same for what has neither tag nor time: only `*` is fulfilled, as in nginx.
 *
 * @returns 304 or 412, or 0 where the request goes on
 */
export function checkWithoutValidators({ request: { fields } }: Exchange): number {
  if (fields.get('if-unmodified-since') !== null) return 412;
  const match = fields.get('if-match');
  if (match !== null && match !== '*') return 412;
  return fields.get('if-none-match') === '*' && fields.get('if-modified-since') === null ? 304 : 0;
}

function isUnmodified(field: string, { modified }: Validators): boolean {
  const date = parseDate(field);
  return date !== null && date >= modified;
}

function isModified(field: string, { modified, mode }: Validators): boolean {
  if (mode === 'off') return true;
  const date = parseDate(field);
  if (date === modified) return false;
  return mode === 'exact' || date === null || date < modified;
}

/** @param weakly - does `W/"x"` stand for `"x"` as well (If-None-Match)? */
export function matchesTag(field: string, tag: string | null, weakly: boolean): boolean {
  if (tag === null) return false;
  if (field === '*') return true;
  const wanted = weakly ? opaque(tag) : tag;
  if (!weakly && tag.startsWith('W/')) return false;
  for (const part of field.matchAll(/\s*((?:W\/)?"[^"]*"|[^\s,]+)\s*(?:,|$)/g)) {
    const one = part[1] ?? '';
    if ((weakly ? opaque(one) : one) === wanted) return true;
  }
  return false;
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
