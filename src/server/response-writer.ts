// Writes responses to a client's socket: head and beginning of the body in one write, chunks with
// their sizes, and the end. It keeps count, and knows no state of the connection.

import type { Socket } from 'node:net';
import type { Exchange } from '../exchange/exchange.ts';
import { chunkHeader, lastChunk } from '../http1/chunked.ts';

/** Bodies up to this size leave in one string with the head: one write, one copy, no cork. */
const inlineBodyBytes = 8192;

/** The part of a body that leaves with the head. */
export interface FirstBytes {
  readonly bytes: Buffer | string;
  readonly last: boolean;
  readonly done: (() => void) | undefined;
}

/** As nginx counts: the body is all that follows the head, chunk sizes included. */
function countBody(x: Exchange, bytes: number): void {
  x.bytesSent += bytes;
  x.bodyBytesSent += bytes;
}

/** The last chunk, with the fields after it where there are any. */
function endOfChunks(x: Exchange): string {
  if (x.trailerLines === null) return lastChunk;
  x.sentTrailers = x.trailerLines(x);
  return `0\r\n${x.sentTrailers}\r\n`;
}

/**
 * A whole response as one text, counted as sent.
 *
 * @param body - all of it; null where there is none, or none may be sent
 * @returns null where the body is too large for that; then nothing has been counted
 */
export function wholeResponse(
  x: Exchange,
  head: string,
  body: Buffer | string | null,
): string | null {
  const length = body === null ? 0 : body.length;
  if (length > inlineBodyBytes) return null;
  const text = body === null || typeof body === 'string' ? body : body.toString('latin1');
  if (!x.chunked) {
    countBody(x, length);
    return text === null ? head : head + text;
  }
  const before = length === 0 ? '' : chunkHeader(length);
  const after = length === 0 ? endOfChunks(x) : `\r\n${endOfChunks(x)}`;
  countBody(x, before.length + length + after.length);
  return head + before + (text ?? '') + after;
}

/** A head alone; with `last`, also the end of an empty chunked body. */
export function writeHeadAlone(socket: Socket, x: Exchange, head: string, last: boolean): boolean {
  if (!last || !x.chunked) return socket.write(head, 'latin1');
  const end = endOfChunks(x);
  countBody(x, end.length);
  return socket.write(head + end, 'latin1');
}

/** A head with the beginning, or all, of its body. */
export function writeHeadAndBody(
  socket: Socket,
  x: Exchange,
  head: string,
  body: FirstBytes,
): boolean {
  const { bytes: first, last, done } = body;
  const before = x.chunked ? head + chunkHeader(first.length) : head;
  const after = x.chunked ? (last ? `\r\n${endOfChunks(x)}` : '\r\n') : '';
  countBody(x, before.length - head.length + after.length + first.length);
  if (typeof first === 'string' || first.length <= inlineBodyBytes) {
    done?.();
    const text = typeof first === 'string' ? first : first.toString('latin1');
    return socket.write(before + text + after, 'latin1');
  }
  socket.cork();
  socket.write(before, 'latin1');
  // A caller who may reuse the buffer at once gets a copy written.
  let ready = done === undefined ? socket.write(Buffer.from(first)) : socket.write(first, done);
  if (after !== '') ready = socket.write(after, 'latin1');
  socket.uncork();
  return ready;
}

/**
 * More of the body. Of nothing nothing is written: an empty chunk would be the end of a chunked
 * body, and an empty write lets a TLS socket read within the call, into the buffer that may just be
 * looked at.
 */
export function writeBody(
  socket: Socket,
  x: Exchange,
  chunk: Buffer,
  done: (() => void) | undefined,
): boolean {
  if (chunk.length === 0) {
    done?.();
    return true;
  }
  countBody(x, chunk.length);
  if (!x.chunked) return socket.write(chunk, done);
  const size = chunkHeader(chunk.length);
  countBody(x, size.length + 2);
  socket.cork();
  socket.write(size, 'latin1');
  socket.write(chunk, done);
  const ready = socket.write('\r\n', 'latin1');
  socket.uncork();
  return ready;
}

/** The end of a chunked body. */
export function writeLastChunk(socket: Socket, x: Exchange): void {
  const end = endOfChunks(x);
  countBody(x, end.length);
  socket.write(end, 'latin1');
}
