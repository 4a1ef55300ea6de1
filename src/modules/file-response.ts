// Sends a file: small ones in one write with the head, others in pieces at the client's pace.

import fs from 'node:fs';
import type { ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';

const pieceBytes = 65_536;

/** Owns the file descriptor and closes it in every case. */
export class FileResponse implements ExchangeOwner {
  readonly survivesAbort = false;
  readonly #x: Exchange;
  readonly #file: number;
  readonly #size: number;
  #position = 0;
  #closed = false;

  constructor(x: Exchange, file: number, size: number) {
    this.#x = x;
    this.#file = file;
    this.#size = size;
  }

  start(): void {
    const x = this.#x;
    if (x.method === 'HEAD' || this.#size === 0) {
      this.#close();
      x.client.sendHead(x, null, true);
      return;
    }
    x.owner = this;
    const first = this.#read();
    const last = this.#position >= this.#size;
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

  #pump(): void {
    const x = this.#x;
    while (!x.finished) {
      const piece = this.#read();
      // The file shrank: its end can't be sent, and the client must see that.
      if (piece.length === 0) {
        this.#close();
        x.client.abortBody(x);
        return;
      }
      const ready = x.client.sendBody(x, piece, null);
      if (this.#position >= this.#size) {
        this.#close();
        x.client.endBody(x);
        return;
      }
      if (!ready) return;
    }
  }

  #read(): Buffer {
    const length = Math.min(pieceBytes, this.#size - this.#position);
    const buffer = Buffer.allocUnsafe(length);
    const bytes = fs.readSync(this.#file, buffer, 0, length, this.#position);
    this.#position += bytes;
    return buffer.subarray(0, bytes);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    fs.closeSync(this.#file);
  }
}
