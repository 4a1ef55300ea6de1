// Reads the field lines of a head up to and with the empty line (RFC 9112 5), the same way for
// requests, responses and trailers. One pass over the bytes; text is cut only for values and for
// names in an unusual spelling.
//
//   name ":" OWS value OWS CRLF   ...   CRLF

import { Char, NameClass, nameClasses, valueClasses } from './char-class.ts';
import { canonicalNames, fieldIdAt } from './field-id.ts';
import type { Fields } from './fields.ts';
import type { HeadReader } from './head-reader.ts';
import { HeadResult } from './head-result.ts';

/** What a field section may hold; the limits of a request head are such rules. */
export interface FieldLineRules {
  /** Longest line in bytes, CRLF included. */
  readonly lineBytes: number;
  /** Most lines. */
  readonly maxFields: number;
  /** Names with "_" count as valid (nginx: underscores_in_headers). */
  readonly underscores: boolean;
  /** Names that are tokens but not valid are left out; otherwise they are kept. */
  readonly ignoreInvalid: boolean;
}

/**
 * Reads from `reader.position`, replaces what `fields` held.
 *
 * @returns the offset after the empty line, or a negative `HeadResult` with `reader.error` set
 */
export function readFieldLines(reader: HeadReader, fields: Fields, rules: FieldLineRules): number {
  const { input, text, base } = reader;
  const { names, values, ids } = fields;
  let count = 0;
  let lines = 0;
  let at = reader.position;
  let code = input[at] as number;
  while (code !== Char.cr) {
    const lineStart = at;
    let id = 0;
    let kept = true;
    while (nameClasses[code] === NameClass.plain) code = input[++at] as number;
    if (code === Char.colon && at !== lineStart) {
      id = fieldIdAt(input, lineStart, at);
    } else {
      at = unusualNameEnd(reader, lineStart, rules);
      if (at < 0) return at;
      kept = !reader.nameDropped;
    }
    const nameEnd = at;
    code = input[++at] as number;
    while (code === Char.space || code === Char.tab) code = input[++at] as number;
    const valueStart = at;
    while (valueClasses[code] === 1) code = input[++at] as number;
    if (code !== Char.cr || input[at + 1] !== Char.lf) return controlInValue(reader, at);
    if (++lines > rules.maxFields || at + 2 - lineStart > rules.lineBytes) {
      return reader.fail(HeadResult.fieldTooLarge, 'field line beyond the limits', lineStart);
    }
    if (kept) {
      const valueEnd = endWithoutSpace(input, valueStart, at);
      names[count] =
        id > 0 ? (canonicalNames[id] as string) : text.substring(lineStart - base, nameEnd - base);
      values[count] = text.substring(valueStart - base, valueEnd - base);
      ids[count] = id < 0 ? -id : id;
      count += 1;
    }
    at += 2;
    code = input[at] as number;
  }
  if (input[at + 1] !== Char.lf) return reader.bad('bare CR', at);
  if (names.length !== count) fields.truncate(count);
  return at + 2;
}

function endWithoutSpace(input: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && (input[last - 1] === Char.space || input[last - 1] === Char.tab)) {
    last -= 1;
  }
  return last;
}

/** The offset of the colon after a name with characters beyond [A-Za-z0-9-], or what is wrong. */
function unusualNameEnd(reader: HeadReader, start: number, rules: FieldLineRules): number {
  const input = reader.input;
  let seen = 0;
  let at = start;
  let cls = nameClasses[input[at] as number] as number;
  while (cls !== 0) {
    seen |= cls;
    cls = nameClasses[input[++at] as number] as number;
  }
  const code = input[at] as number;
  if (code !== Char.colon || at === start) return badName(reader, start, at);
  const valid = rules.underscores ? NameClass.plain | NameClass.underscore : NameClass.plain;
  reader.nameDropped = rules.ignoreInvalid && !reader.anyToken && (seen & ~valid) !== 0;
  return at;
}

function badName(reader: HeadReader, start: number, at: number): number {
  const code = reader.input[at] as number;
  if (code === Char.lf) return reader.bad('bare LF', at);
  if (code === Char.cr) return reader.bad('field line without a colon', at);
  if (at === start && code === Char.colon) return reader.bad('empty field name', at);
  if (code !== Char.space && code !== Char.tab) {
    return reader.bad('invalid character in field name', at);
  }
  // A line that begins with white space was once the continuation of the line before.
  return reader.bad(at === start ? 'folded field line' : 'white space in field name', at);
}

function controlInValue(reader: HeadReader, at: number): number {
  const code = reader.input[at] as number;
  if (code === Char.cr) return reader.bad('bare CR', at);
  if (code === Char.lf) return reader.bad('bare LF', at);
  return reader.bad('control character in field value', at);
}
