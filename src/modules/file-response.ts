// Sends a file, or parts of it: small ones in one write with the head, others in pieces at the
// client's pace.

import fs from 'node:fs';
import type { ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ByteRange } from './byte-ranges.ts';
import type { OpenedFile } from './opened-file.ts';

const pieceBytes = 65_536;

/** What is sent, in order: text of one character per byte, or a part of the file. */
export type FilePart = string | ByteRange;

/** How many bytes parts are in all. */
export function lengthOf(parts: readonly FilePart[]): number {
  let length = 0;
  for (const part of parts) {
    length += typeof part === 'string' ? part.length : part.end - part.start;
  }
  return length;
}

/** Owns the file and closes it in every case. */
export class FileResponse implements ExchangeOwner {
  readonly survivesAbort = false;
  readonly #x: Exchange;
  readonly #file: OpenedFile;
  readonly #parts: readonly FilePart[];
  /** Where the next bytes come from: the part, and how much of it is sent. */
  #part = 0;
  #sent = 0;
  #closed = false;

  constructor(x: Exchange, file: OpenedFile, parts: readonly FilePart[]) {
    this.#x = x;
    this.#file = file;
    this.#parts = parts;
  }

  start(): void {
    const x = this.#x;
    if (x.method === 'HEAD' || lengthOf(this.#parts) === 0) {
      this.#close();
      x.client.sendHead(x, null, true);
      return;
    }
    x.owner = this;
    const first = this.#read();
    const last = this.#over;
    if (last) this.#close();
    const ready = x.client.sendHead(x, first, last);
    if (!last && ready) this.#pump();
  }

  onClientDrain(): void {
    this.#pump();
  }

  onClientAborted(): void {
    this.#close();
  }

  get #over(): boolean {
    return this.#part >= this.#parts.length;
  }

  #pump(): void {
    const x = this.#x;
    while (!x.finished && !this.#closed) {
      const piece = this.#read();
      // The file shrank: its end can't be sent, and the client must see that.
      if (piece.length === 0) {
        this.#close();
        x.client.abortBody(x);
        return;
      }
      const ready = x.client.sendBody(x, piece, null);
      if (this.#over) {
        this.#close();
        x.client.endBody(x);
        return;
      }
      if (!ready) return;
    }
  }

  // The next bytes; empty where the file has no more.
  #read(): Buffer {
    const part = this.#parts[this.#part];
    if (part === undefined) return Buffer.alloc(0);
    if (typeof part === 'string') {
      this.#part += 1;
      return Buffer.from(part, 'latin1');
    }
    const from = part.start + this.#sent;
    const length = Math.min(pieceBytes, part.end - from);
    const buffer = Buffer.allocUnsafe(length);
    const bytes = fs.readSync(this.#file.file, buffer, 0, length, from);
    this.#sent += bytes;
    if (from + bytes >= part.end) {
      this.#part += 1;
      this.#sent = 0;
    }
    return buffer.subarray(0, bytes);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }
}
