// The HTTP/1.1 codec: requests, responses, the chunked coding. Whatever the bytes are and however
// they are cut, the same is understood; what is accepted is clean, and reads the same when written
// again.

import assert from 'node:assert/strict';
import { ChunkedDecoder, ChunkEvent, chunkHeader, lastChunk } from '../../../src/http1/chunked.ts';
import type { Fields } from '../../../src/http1/fields.ts';
import { parseRequestHead, RequestHead } from '../../../src/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../../src/http1/response-head.ts';
import { isFieldValue, isRequestTarget, isToken } from '../../../src/http1/text.ts';
import { readRequests, readResponse } from '../../../test/kit/own-codec.ts';
import type { Understood } from '../../../test/kit/understood.ts';
import { inPieces, type FuzzTarget } from '../target.ts';
import { chunkedSeeds, httpWords, requestSeeds, responseSeeds } from './http-seeds.ts';

// Small, so that mutations reach them.
const limits = {
  lineBytes: 256,
  totalBytes: 1024,
  maxFields: 8,
  underscores: true,
  ignoreInvalid: false,
};

const cuts = [0, 1, 2];

// Where a beginning is hopeless already, it is refused for what is wrong first; the whole may show
// something else.
function withoutReason(understood: Understood): Understood {
  return { ...understood, refused: understood.refused === null ? null : 'refused' };
}

function textOf(fields: Fields): string {
  return fields.names.map((name, i) => `${name}: ${fields.values[i] ?? ''}\r\n`).join('');
}

function mustBeClean(fields: Fields): void {
  for (const name of fields.names) assert.ok(isToken(name), 'a name is a token');
  for (const value of fields.values) assert.ok(isFieldValue(value), 'a value is clean');
}

/** At most one field of a kind that frames or routes, and of one form (RFC 9112 3.2, 6). */
function mustBeCertain(fields: Fields): void {
  const lengths = fields.all('content-length');
  const codings = fields.all('transfer-encoding');
  assert.ok(lengths.length + codings.length <= 1, 'one framing');
  for (const length of lengths) assert.match(length, /^[0-9]+$/);
  for (const coding of codings) assert.match(coding, /^chunked$/i);
}

function mustBePrintable(reason: string | null): void {
  if (reason !== null) assert.match(reason, /^[ -~]+$/);
}

const other = new RequestHead();

function checkRequest(head: RequestHead): void {
  mustBeClean(head.fields);
  mustBeCertain(head.fields);
  assert.ok(head.fields.all('host').length <= 1);
  assert.ok(isToken(head.method) && isRequestTarget(head.target));
  assert.ok(!head.chunked || (head.contentLength < 0 && head.version === 11));
  const version = head.version === 10 ? '1.0' : '1.1';
  const text = `${head.method} ${head.target} HTTP/${version}\r\n${textOf(head.fields)}\r\n`;
  const bytes = Buffer.from(text, 'latin1');
  // Written with ": " it may be longer than it was.
  const roomy = { ...limits, lineBytes: limits.lineBytes + 8, totalBytes: limits.totalBytes + 64 };
  assert.equal(parseRequestHead(bytes, 0, bytes.length, other, roomy), bytes.length, other.error);
  assert.deepEqual({ ...other, bytes: 0 }, { ...head, bytes: 0 });
}

const headEnd = Buffer.from('\r\n\r\n');

function isEarly(pieces: Understood, whole: Understood): boolean {
  return pieces.refused !== null && whole.refused === null;
}

const requests: FuzzTarget = {
  name: 'requests',
  code: [
    ...['http1/request', 'http1/field', 'http1/head', 'http1/host.ts', 'http1/c', 'http1/text.ts'],
    'server/request-body.ts',
  ],
  seeds: requestSeeds,
  words: httpWords,
  maxBytes: 2048,
  run(input) {
    const whole = readRequests([input], limits, checkRequest);
    mustBePrintable(whole.refused);
    for (const cut of cuts) {
      if (cut === 0 && input.length > 400) continue;
      const pieces = readRequests(inPieces(input, cut), limits);
      // A line that is too long is refused before its end has come; once it has, no sooner than
      // with the whole head.
      const expected = isEarly(pieces, whole) ? readRequests([input, headEnd], limits) : whole;
      assert.deepEqual(withoutReason(pieces), withoutReason(expected));
    }
    const lax = { ...limits, ignoreInvalid: true, underscores: false };
    const filtered = readRequests([input], lax, ({ fields }) => {
      for (const name of fields.names) assert.match(name, /^[A-Za-z0-9-]+$/);
    });
    mustBePrintable(filtered.refused);
  },
};

const otherResponse = new ResponseHead();

function checkResponse(head: ResponseHead): void {
  mustBeClean(head.fields);
  mustBeCertain(head.fields);
  assert.ok(isFieldValue(head.reason));
  assert.ok(head.status >= 100 && head.status <= 999);
  assert.ok(!head.chunked || (head.contentLength < 0 && head.version === 11));
  const version = head.version === 10 ? '1.0' : '1.1';
  const text = `HTTP/${version} ${head.status} ${head.reason}\r\n${textOf(head.fields)}\r\n`;
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(parseResponseHead(bytes, 0, bytes.length, otherResponse, 1 << 20), bytes.length);
  assert.deepEqual({ ...otherResponse, bytes: 0 }, { ...head, bytes: 0 });
}

// The first byte says whether it answers HEAD, and whether the connection ends behind it.
const responses: FuzzTarget = {
  name: 'responses',
  code: ['http1/response', 'http1/field', 'http1/head', 'http1/framing.ts', 'http1/c'],
  seeds: responseSeeds,
  words: httpWords,
  maxBytes: 2048,
  run(input) {
    const first = input[0] ?? 0;
    const bytes = input.subarray(1);
    const way = { method: (first & 1) === 0 ? 'HEAD' : 'GET', ended: (first & 2) === 0 };
    const whole = readResponse([bytes], way, checkResponse);
    mustBePrintable(whole.refused);
    for (const cut of cuts) {
      if (cut === 0 && bytes.length > 400) continue;
      const pieces = readResponse(inPieces(bytes, cut), way);
      // A body up to a byte that is refused is handed on as far as it came.
      assert.deepEqual(comparable(pieces), comparable(whole));
    }
  },
};

function comparable(understood: ReturnType<typeof readResponse>): unknown {
  const messages = understood.messages.map((one) => ({ ...one, end: one.end >= 0 }));
  return { ...withoutReason(understood), messages };
}

interface Decoded {
  body: string;
  trailers: string;
  /** Where it ended; -1 refused, -2 cut off. */
  end: number;
}

function decode(pieces: readonly Buffer[]): Decoded {
  const decoder = new ChunkedDecoder();
  const result: Decoded = { body: '', trailers: '', end: -2 };
  let before = 0;
  for (const piece of pieces) {
    let event: number = ChunkEvent.data;
    for (let at = 0; event === ChunkEvent.data; at = decoder.position) {
      event = decoder.next(piece, at, piece.length);
      assert.ok(decoder.position >= at && decoder.position <= piece.length);
      if (event !== ChunkEvent.data) continue;
      assert.ok(decoder.dataEnd > decoder.dataStart, 'data has bytes');
      result.body += piece.toString('latin1', decoder.dataStart, decoder.dataEnd);
    }
    if (event === ChunkEvent.error) {
      mustBePrintable(decoder.error);
      return { ...result, end: -1 };
    }
    if (event === ChunkEvent.done) {
      if (decoder.trailers !== null) mustBeClean(decoder.trailers);
      const trailers = decoder.trailers === null ? '' : textOf(decoder.trailers);
      return { ...result, trailers, end: before + decoder.position };
    }
    before += piece.length;
  }
  return result;
}

const oneChunk = /^([0-9A-Fa-f]+)((?:;[\t -~\x80-\xff]*)?)\r\n/;

const trailerLines = /^(?:[!#$%&'*+\-.^_`|~\w]+:[\t -~\x80-\xff]*\r\n)*\r\n/;

// RFC 9112 7.1 said once more and in another way, but for limits. Null where it is not that.
function bodyByGrammar(text: string): string | null {
  let rest = text;
  let body = '';
  for (;;) {
    const match = oneChunk.exec(rest);
    if (match === null) return null;
    const size = Number.parseInt(match[1] ?? '', 16);
    rest = rest.slice(match[0].length);
    if (size === 0) return trailerLines.test(rest) ? body : null;
    if (rest.slice(size, size + 2) !== '\r\n') return null;
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
}

const chunked: FuzzTarget = {
  name: 'chunked',
  code: ['http1/chunked.ts', 'http1/field-lines.ts'],
  seeds: chunkedSeeds,
  words: httpWords,
  maxBytes: 20_000,
  run(input) {
    const whole = decode([input]);
    for (const cut of cuts) {
      if (cut === 0 && input.length > 2000) continue;
      assert.deepEqual(decode(inPieces(input, cut)), whole);
    }
    const expected = bodyByGrammar(input.toString('latin1'));
    // Too short for any limit, that of a hundred trailers included.
    if (input.length < 400 && expected !== null) assert.ok(whole.end > 0, 'the grammar allows it');
    if (whole.end < 0) return;
    assert.equal(whole.body, expected, 'what is read is what the grammar says');
    const data = whole.body === '' ? '' : `${chunkHeader(whole.body.length)}${whole.body}\r\n`;
    const again = decode([Buffer.from(data + lastChunk, 'latin1')]);
    assert.equal(again.body, whole.body);
  },
};

export const httpTargets: readonly FuzzTarget[] = [requests, responses, chunked];
