// What of a response the client's side can't take yet, beyond `proxy_buffers`: written to a temporary
// file in order, read back at the client's pace.
//
//   append ─▶ queue ─write─▶ file ─read─▶ onOverflowData     (one write and one read at a time)
//
// When all has been read the file begins anew at its start. If it can't be written (a full disk),
// what is in the queue stays in memory and the source waits: the answer is slower, never broken.

import fs from 'node:fs';
import type { ReadBufferPool } from '../upstream/read-buffers.ts';
import { plainReadSize } from '../upstream/read-buffers.ts';
import type { OverflowSettings } from './proxy-settings.ts';
import { openNameless } from './temp-file.ts';

/** Whoever filled it. */
export interface OverflowOwner {
  /** The next bytes, asked for with `next`. `done` must be called when the buffer is free again. */
  onOverflowData(chunk: Buffer, done: () => void): void;
  /** Everything that was appended has been read. */
  onOverflowEmpty(): void;
  /** After `append` returned false: there is room again. */
  onOverflowRoom(): void;
  /** The file can't be written any more; what was, can be read. To be logged. */
  onOverflowBroken(error: Error): void;
  /** What was written can't be read: the rest of the answer is lost. The last callback. */
  onOverflowLost(error: Error): void;
}

interface Part {
  readonly chunk: Buffer;
  readonly done: () => void;
}

/** Parts written in one call. */
const partsAtOnce = 16;

/** The overflow of one response. */
export class ResponseOverflow {
  readonly #settings: OverflowSettings;
  readonly #buffers: ReadBufferPool;
  readonly #owner: OverflowOwner;
  #queue: Part[] = [];
  #queued = 0;
  #file: number | null = null;
  /** End of what has been written, and of what has been read. */
  #written = 0;
  #read = 0;
  #writing = false;
  #reading = false;
  #wanted = false;
  #full = false;
  #broken = false;
  #closed = false;

  constructor(settings: OverflowSettings, buffers: ReadBufferPool, owner: OverflowOwner) {
    this.#settings = settings;
    this.#buffers = buffers;
    this.#owner = owner;
  }

  /** The file failed: nothing more is to be appended than what comes before the source waits. */
  get broken(): boolean {
    return this.#broken;
  }

  /** @returns false where the source is to wait for `onOverflowRoom` */
  append(chunk: Buffer, done: () => void): boolean {
    if (this.#closed) {
      done();
      return true;
    }
    this.#queue.push({ chunk, done });
    this.#queued += chunk.length;
    this.#write();
    this.#serve();
    this.#full = !this.#hasRoom();
    return !this.#full;
  }

  /** Asks for the next bytes: they, or `onOverflowEmpty`, follow once. */
  next(): void {
    if (this.#closed || this.#wanted) return;
    this.#wanted = true;
    this.#serve();
  }

  /** Lets go of everything. No callback follows. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A write under way still needs its buffers.
    if (!this.#writing) this.#dropQueue();
    this.#closeFile();
  }

  #hasRoom(): boolean {
    const { maxBytes, writeBytes } = this.#settings;
    if (this.#broken) return false;
    return this.#queued < writeBytes + plainReadSize && this.#written + this.#queued < maxBytes;
  }

  #dropQueue(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    for (const part of queue) part.done();
  }

  #closeFile(): void {
    if (this.#file === null || this.#writing || this.#reading) return;
    fs.close(this.#file, () => undefined);
    this.#file = null;
  }

  // ---- writing

  #write(): void {
    if (this.#writing || this.#broken || this.#queue.length === 0) return;
    const file = this.#open();
    if (file === null) return;
    this.#writing = true;
    const parts = this.#queue.slice(0, partsAtOnce).map((part) => part.chunk);
    fs.writev(file, parts, this.#written, (error, bytes) => this.#onWritten(error, bytes));
  }

  #open(): number | null {
    if (this.#file !== null) return this.#file;
    try {
      this.#file = openNameless(this.#settings.folder).file;
    } catch (thrown) {
      this.#break(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    return this.#file;
  }

  #break(error: Error): void {
    this.#broken = true;
    this.#owner.onOverflowBroken(error);
  }

  #onWritten(error: Error | null, bytes: number): void {
    this.#writing = false;
    if (this.#closed) {
      this.#dropQueue();
      this.#closeFile();
      return;
    }
    if (error !== null) this.#break(error);
    else this.#take(bytes);
    this.#write();
    this.#serve();
    this.#tellRoom();
  }

  // Parts that are in the file leave the queue; one may be there only in part.
  #take(bytes: number): void {
    this.#written += bytes;
    this.#queued -= bytes;
    let left = bytes;
    for (;;) {
      const [part] = this.#queue;
      if (part === undefined || left === 0) return;
      if (part.chunk.length > left) {
        this.#queue[0] = { chunk: part.chunk.subarray(left), done: part.done };
        return;
      }
      left -= part.chunk.length;
      this.#queue.shift();
      part.done();
    }
  }

  #tellRoom(): void {
    if (!this.#full || this.#closed || !this.#hasRoom()) return;
    this.#full = false;
    this.#owner.onOverflowRoom();
  }

  // ---- reading

  #serve(): void {
    if (!this.#wanted || this.#reading || this.#closed) return;
    if (this.#read < this.#written) this.#readFile();
    else if (this.#queue.length === 0) this.#empty();
    else if (!this.#writing) this.#giveFromQueue();
  }

  #readFile(): void {
    const file = this.#file;
    if (file === null) return;
    this.#reading = true;
    const buffer = this.#buffers.take(plainReadSize);
    const length = Math.min(buffer.length, this.#written - this.#read);
    fs.read(file, buffer, 0, length, this.#read, (error, bytes) => {
      this.#reading = false;
      if (this.#closed) {
        this.#buffers.release(buffer);
        this.#closeFile();
      } else this.#onRead(error, bytes, buffer);
    });
  }

  #onRead(error: Error | null, bytes: number, buffer: Buffer): void {
    this.#wanted = false;
    // What was written can't be read: there is no way to go on with this answer.
    if (error !== null || bytes === 0) {
      this.#buffers.release(buffer);
      this.#owner.onOverflowLost(error ?? new Error('the temporary file has become shorter'));
      return;
    }
    this.#read += bytes;
    this.#owner.onOverflowData(buffer.subarray(0, bytes), () => this.#buffers.release(buffer));
  }

  #giveFromQueue(): void {
    const part = this.#queue.shift();
    if (part === undefined) return;
    this.#queued -= part.chunk.length;
    this.#wanted = false;
    this.#owner.onOverflowData(part.chunk, part.done);
  }

  #empty(): void {
    this.#wanted = false;
    this.#written = 0;
    this.#read = 0;
    this.#full = false;
    this.#owner.onOverflowEmpty();
  }
}
