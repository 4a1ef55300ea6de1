// Holds a whole request body until it can be sent, and sent again to another server: in memory up
// to client_body_buffer_size, beyond that, or always (client_body_in_file_only), in a temporary file.

import fs from 'node:fs';
import { freeBuffer } from '../base/free-buffer.ts';
import { giveBlock, headRoom, leastInBlock, takeBlock } from './body-blocks.ts';
import { openNamed, openNameless, type TempFolder } from './temp-file.ts';

const readSize = 65_536;

/** Where request bodies of a location are kept. */
export interface BodyStorage {
  /** Bytes kept in memory. */
  readonly memoryLimit: number;
  /** Where temporary files are made; created if it is missing. */
  readonly folder: TempFolder;
  /** Every body has a file with a name: `clean` removes it after the request, `on` leaves it. */
  readonly inFileOnly: 'off' | 'on' | 'clean';
}

/** More than this does not wait for the disk: it is written at once, which holds the client back. */
const mostPending = 262_144;

/** On its way into the file. */
interface PendingPart {
  readonly offset: number;
  readonly chunk: Buffer;
}

/** A request body at rest. */
export class RequestSpool {
  readonly #storage: BodyStorage;
  /** Small parts, which come before what is in the blocks. */
  #chunks: Buffer[] = [];
  /** Full from beginning, or `headRoom`, to end; the last up to `#used`. */
  #blocks: Buffer[] = [];
  #used = 0;
  #file: number | null = null;
  /** In the order of their offsets; the first is being written. */
  #pending: PendingPart[] = [];
  #pendingBytes = 0;
  #writing = false;
  #failure: Error | null = null;
  #closed = false;
  length = 0;
  /** Of a file that keeps its name, while it is there; else null. */
  fileName: string | null = null;

  constructor(storage: BodyStorage) {
    this.#storage = storage;
  }

  /**
   * Adds a copy. Throws the file system's error where the temporary file can't be written.
   *
   * @param chunk - good during this call
   */
  append(chunk: Buffer): void {
    const { memoryLimit, inFileOnly } = this.#storage;
    if (this.#failure !== null) throw this.#failure;
    const offset = this.length;
    this.length += chunk.length;
    if (this.#file === null && (this.length > memoryLimit || inFileOnly !== 'off')) {
      this.#moveToFile();
    }
    if (this.#file !== null) this.#store(this.#file, chunk, offset);
    else if (chunk.length < leastInBlock && this.#blocks.length === 0) {
      this.#chunks.push(Buffer.from(chunk));
    } else this.#putIntoBlocks(chunk);
  }

  #putIntoBlocks(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      let block = this.#blocks.at(-1);
      if (block === undefined || this.#used === block.length) {
        block = takeBlock();
        this.#used = this.#blocks.length === 0 ? headRoom : 0;
        this.#blocks.push(block);
      }
      const bytes = chunk.copy(block, this.#used, at);
      this.#used += bytes;
      at += bytes;
    }
  }

  #releaseMemory(): void {
    this.#chunks = [];
    for (const block of this.#blocks) giveBlock(block);
    this.#blocks = [];
  }

  #moveToFile(): void {
    const { folder, inFileOnly } = this.#storage;
    // A file with a name is for whoever it is handed to: a server of the same group (nginx: 0660).
    const opened = inFileOnly === 'off' ? openNameless(folder) : openNamed(folder, 0o660);
    this.#file = opened.file;
    if (inFileOnly !== 'off') this.fileName = opened.name;
    let offset = 0;
    for (const chunk of this.parts()) {
      this.#store(opened.file, chunk, offset);
      offset += chunk.length;
    }
    this.#releaseMemory();
  }

  #store(file: number, chunk: Buffer, offset: number): void {
    // A server is told the name: what it finds there must be all.
    if (this.fileName !== null || this.#pendingBytes + chunk.length > mostPending) {
      writeAll(file, chunk, offset);
      return;
    }
    this.#pending.push({ offset, chunk: Buffer.from(chunk) });
    this.#pendingBytes += chunk.length;
    if (!this.#writing) this.#writeNext(file);
  }

  #writeNext(file: number): void {
    const [part] = this.#pending;
    if (part === undefined) return;
    this.#writing = true;
    fs.write(file, part.chunk, 0, part.chunk.length, part.offset, (error, bytes) =>
      this.#onWritten(error, bytes),
    );
  }

  // What can't be written stays in memory, where it is read from; nothing is added to it.
  #onWritten(error: Error | null, bytes: number): void {
    this.#writing = false;
    const file = this.#file;
    if (file === null) return;
    if (this.#closed) {
      this.#closeFile(file);
      return;
    }
    this.#failure ??= error;
    const [part] = this.#pending;
    if (error !== null || part === undefined) return;
    this.#pendingBytes -= bytes;
    if (bytes === part.chunk.length) {
      this.#pending.shift();
      freeBuffer(part.chunk);
    } else this.#pending[0] = { offset: part.offset + bytes, chunk: part.chunk.subarray(bytes) };
    this.#writeNext(file);
  }

  /** Is all of it in memory, so that it can leave with the head? */
  get inMemory(): boolean {
    return this.#file === null;
  }

  /** A body in memory. */
  parts(): readonly Buffer[] {
    const blocks = this.#blocks;
    const views = blocks.map((block, i) => {
      const end = i + 1 === blocks.length ? this.#used : block.length;
      return block.subarray(i === 0 ? headRoom : 0, end);
    });
    return [...this.#chunks, ...views];
  }

  /**
   * The head and the whole body in one piece, where they are without copying the body; else null. It
   * is good until the next call, for one server at a time.
   *
   * @param head - one character is one byte
   */
  precededBy(head: string): Buffer | null {
    const [block] = this.#blocks;
    const isWhole = this.#blocks.length === 1 && this.#used - headRoom === this.length;
    if (block === undefined || !isWhole || head.length > headRoom) return null;
    const start = headRoom - head.length;
    block.write(head, start, 'latin1');
    return block.subarray(start, this.#used);
  }

  /** Of a body in the file: up to 64 KB from `position`; empty at the end. */
  read(position: number): Buffer {
    if (this.#file === null) return Buffer.concat(this.parts()).subarray(position);
    let end = this.length;
    for (const { offset, chunk } of this.#pending) {
      if (offset > position) end = Math.min(end, offset);
      else if (position < offset + chunk.length) {
        // The part itself is freed once it is written.
        return Buffer.from(chunk.subarray(position - offset));
      }
    }
    const buffer = Buffer.allocUnsafe(Math.min(readSize, end - position));
    const bytes = fs.readSync(this.#file, buffer, 0, buffer.length, position);
    return buffer.subarray(0, bytes);
  }

  /** What `parts` and `precededBy` gave must not be looked at any more. */
  close(): void {
    this.#releaseMemory();
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#file === null || this.#closed) return;
    this.#closed = true;
    if (!this.#writing) this.#closeFile(this.#file);
    if (this.fileName === null || this.#storage.inFileOnly !== 'clean') return;
    fs.rmSync(this.fileName, { force: true });
    this.fileName = null;
  }

  #closeFile(file: number): void {
    fs.closeSync(file);
    this.#file = null;
  }
}

function writeAll(file: number, chunk: Buffer, offset: number): void {
  let written = 0;
  while (written < chunk.length) {
    written += fs.writeSync(file, chunk, written, chunk.length - written, offset + written);
  }
}
