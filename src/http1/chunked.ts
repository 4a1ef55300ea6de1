// The chunked transfer coding (RFC 9112 7.1), both ways. The decoder hands out ranges of its input
// and copies no body byte; it can be cut off and go on at any byte.
//
//   size [;ext] CRLF  data CRLF  ...  0 [;ext] CRLF  trailer lines  CRLF
//
// Strict where laxness smuggles: CRLF only, digits only before ";" or CRLF, bounded extensions.

import { Char, hexValues, valueClasses } from './char-class.ts';
import { isNeededField } from './connection.ts';
import { FieldId } from './field-id.ts';
import type { FieldLineRules } from './field-lines.ts';
import { readFieldLines } from './field-lines.ts';
import { Fields } from './fields.ts';
import { HeadReader } from './head-reader.ts';

/** What `ChunkedDecoder.next` came to. */
export const ChunkEvent = {
  /** All input is consumed. */
  more: 0,
  /** input[dataStart..dataEnd) is body. */
  data: 1,
  /** The terminal chunk and the trailer section are read. */
  done: 2,
  /** `error` says why; final. */
  error: -1,
} as const;

/** The line before the data of a chunk. The data must be followed by CRLF. */
export function chunkHeader(size: number): string {
  return `${size.toString(16)}\r\n`;
}

/** Ends a chunked body without trailers. */
export const lastChunk: string = '0\r\n\r\n';

const sizeLineBytes = 1024;
const extensionBytes = 16384;
const trailerBytes = 8192;
const trailerRules: FieldLineRules = {
  lineBytes: trailerBytes,
  maxFields: 100,
  underscores: true,
  ignoreInvalid: false,
};
const largestBeforeDigit = Math.floor(Number.MAX_SAFE_INTEGER / 16);

const State = {
  sizeStart: 0,
  size: 1,
  extension: 2,
  sizeLf: 3,
  data: 4,
  dataCr: 5,
  dataLf: 6,
  trailerStart: 7,
  trailerLf: 8,
  trailer: 9,
  done: 10,
  failed: 11,
} as const;

const reader = new HeadReader('any token');

/**
 * Decodes one body; `reset` makes it ready for the next. Call `next` again and again, from
 * `position` on, until it returns `more` (then with new input) or is done or failed.
 */
export class ChunkedDecoder {
  /** Just after what was consumed, in the input of the last call. */
  position: number;
  dataStart: number;
  dataEnd: number;
  error: string;
  /**
   * Trailer fields, null if there are none. Fields that frame, route or authenticate are left out
   * (RFC 9110 6.5.1).
   */
  trailers: Fields | null;
  // Internal.
  state: number;
  remaining: number;
  lineBytes: number;
  extensionBytes: number;
  trailerText: string;
  /** How much of CRLF CRLF the trailer section so far ends with. */
  trailerEnd: number;

  constructor() {
    this.position = 0;
    this.dataStart = 0;
    this.dataEnd = 0;
    this.error = '';
    this.trailers = null;
    this.state = State.sizeStart;
    this.remaining = 0;
    this.lineBytes = 0;
    this.extensionBytes = 0;
    this.trailerText = '';
    this.trailerEnd = 0;
  }

  reset(): void {
    this.position = 0;
    this.dataStart = 0;
    this.dataEnd = 0;
    this.error = '';
    this.trailers = null;
    this.state = State.sizeStart;
    this.remaining = 0;
    this.lineBytes = 0;
    this.extensionBytes = 0;
    this.trailerText = '';
    this.trailerEnd = 0;
  }

  /**
   * Reads on in input[position..end).
   *
   * @returns a `ChunkEvent`
   */
  next(input: Buffer, position: number, end: number): number {
    this.position = position;
    let event: number = ChunkEvent.more;
    if (this.state === State.done) event = ChunkEvent.done;
    else if (this.state === State.failed) event = ChunkEvent.error;
    while (event === ChunkEvent.more && this.position < end) {
      if (this.state === State.data) event = takeData(this, end);
      else if (this.state === State.trailer) event = takeTrailers(this, input, end);
      else event = takeByte(this, input[this.position] as number);
    }
    return event;
  }
}

function fail(decoder: ChunkedDecoder, what: string): number {
  decoder.state = State.failed;
  decoder.error = what;
  return ChunkEvent.error;
}

function takeData(decoder: ChunkedDecoder, end: number): number {
  const length = Math.min(decoder.remaining, end - decoder.position);
  decoder.dataStart = decoder.position;
  decoder.dataEnd = decoder.position + length;
  decoder.position = decoder.dataEnd;
  decoder.remaining -= length;
  if (decoder.remaining === 0) decoder.state = State.dataCr;
  return ChunkEvent.data;
}

/** One byte of what is around the data. */
function takeByte(decoder: ChunkedDecoder, code: number): number {
  decoder.position += 1;
  switch (decoder.state) {
    case State.sizeStart:
      decoder.remaining = 0;
      decoder.lineBytes = 0;
      return takeDigit(decoder, code);
    case State.size:
      if (code === Char.cr) decoder.state = State.sizeLf;
      else if (code === Char.semicolon) decoder.state = State.extension;
      else return takeDigit(decoder, code);
      return ChunkEvent.more;
    case State.extension:
      if (code === Char.cr) decoder.state = State.sizeLf;
      else return skipExtension(decoder, code);
      return ChunkEvent.more;
    case State.sizeLf:
      return expect(decoder, code, decoder.remaining === 0 ? State.trailerStart : State.data);
    case State.dataCr:
      if (code !== Char.cr) return fail(decoder, 'chunk data longer than its size');
      decoder.state = State.dataLf;
      return ChunkEvent.more;
    case State.dataLf:
      return expect(decoder, code, State.sizeStart);
    case State.trailerStart:
      decoder.state = code === Char.cr ? State.trailerLf : State.trailer;
      if (code !== Char.cr) decoder.position -= 1;
      return ChunkEvent.more;
    default:
      return expect(decoder, code, State.done) === ChunkEvent.more
        ? ChunkEvent.done
        : ChunkEvent.error;
  }
}

/** The LF after a CR. */
function expect(decoder: ChunkedDecoder, code: number, next: number): number {
  if (code !== Char.lf) return fail(decoder, 'bare CR in chunked coding');
  decoder.state = next;
  return ChunkEvent.more;
}

function takeDigit(decoder: ChunkedDecoder, code: number): number {
  const digit = hexValues[code] as number;
  decoder.lineBytes += 1;
  if (digit === 255) return fail(decoder, 'invalid chunk size');
  if (decoder.remaining > largestBeforeDigit || decoder.lineBytes > sizeLineBytes) {
    return fail(decoder, 'chunk size too large');
  }
  decoder.remaining = decoder.remaining * 16 + digit;
  decoder.state = State.size;
  return ChunkEvent.more;
}

/** Extensions mean nothing to a proxy; unbounded they would be work for free (CVE-2023-39326). */
function skipExtension(decoder: ChunkedDecoder, code: number): number {
  decoder.lineBytes += 1;
  decoder.extensionBytes += 1;
  if (valueClasses[code] === 0) return fail(decoder, 'control character in chunk extension');
  if (decoder.lineBytes > sizeLineBytes || decoder.extensionBytes > extensionBytes) {
    return fail(decoder, 'chunk extensions too long');
  }
  return ChunkEvent.more;
}

/** Gathers the trailer section, which is rare and small, and reads it when it is complete. */
function takeTrailers(decoder: ChunkedDecoder, input: Buffer, end: number): number {
  const start = decoder.position;
  const most = Math.min(end, start + trailerBytes - decoder.trailerText.length);
  let at = start;
  let matched = decoder.trailerEnd;
  while (at < most && matched < 4) {
    const code = input[at] as number;
    at += 1;
    if (code === Char.lf) {
      if (matched !== 1 && matched !== 3) return fail(decoder, 'bare LF in trailer section');
      matched += 1;
    } else if (code === Char.cr) {
      matched = matched === 2 ? 3 : 1;
    } else {
      matched = 0;
    }
  }
  decoder.trailerEnd = matched;
  decoder.trailerText += input.toString('latin1', start, at);
  decoder.position = at;
  if (matched === 4) return readTrailers(decoder);
  return at < end ? fail(decoder, 'trailer section too long') : ChunkEvent.more;
}

function readTrailers(decoder: ChunkedDecoder): number {
  const section = Buffer.from(decoder.trailerText, 'latin1');
  const all = new Fields();
  decoder.trailerText = '';
  reader.open(section, 0, section.length);
  const result = readFieldLines(reader, all, trailerRules);
  reader.close();
  if (result < 0) return fail(decoder, `${reader.error} of the trailer section`);
  const kept = new Fields();
  for (let i = 0; i < all.names.length; i += 1) {
    const name = all.names[i] as string;
    const id = all.ids[i] as number;
    if (mayTrail(name, id)) kept.add(name, all.values[i] as string, id);
  }
  if (kept.names.length !== 0) decoder.trailers = kept;
  decoder.state = State.done;
  return ChunkEvent.done;
}

const neverTrailing: readonly number[] = [
  FieldId.connection,
  FieldId.keepAlive,
  FieldId.proxyConnection,
  FieldId.expect,
  FieldId.upgrade,
  FieldId.te,
  FieldId.trailer,
  FieldId.setCookie,
  FieldId.location,
  FieldId.cacheControl,
  FieldId.range,
  FieldId.contentRange,
  FieldId.status,
];

function mayTrail(name: string, id: number): boolean {
  return !neverTrailing.includes(id) && !isNeededField(name.toLowerCase());
}
