// Holds a whole request body until it can be sent, and sent again to another server: in memory up
// to client_body_buffer_size, beyond that in a temporary file that has no name any more.

import fs from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';

const readSize = 65_536;

/** A request body at rest. */
export class RequestSpool {
  readonly #memoryLimit: number;
  readonly #folder: string;
  #chunks: Buffer[] = [];
  #file: number | null = null;
  length = 0;

  /**
   * @param memoryLimit - bytes kept in memory
   * @param folder - where the temporary file is made; created if it is missing
   */
  constructor(memoryLimit: number, folder: string) {
    this.#memoryLimit = memoryLimit;
    this.#folder = folder;
  }

  /** Throws the file system's error where the temporary file can't be written. */
  append(chunk: Buffer): void {
    this.length += chunk.length;
    if (this.#file === null && this.length > this.#memoryLimit) this.#moveToFile();
    if (this.#file === null) this.#chunks.push(chunk);
    else writeAll(this.#file, chunk);
  }

  #moveToFile(): void {
    fs.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const name = path.join(this.#folder, `body-${randomBytes(12).toString('hex')}`);
    // O_EXCL and 0600: nobody else may have made it or may read it. It is unlinked at once, so
    // that nothing is left behind however the process ends.
    this.#file = fs.openSync(name, 'wx+', 0o600);
    fs.unlinkSync(name);
    for (const chunk of this.#chunks) writeAll(this.#file, chunk);
    this.#chunks = [];
  }

  /** Is the whole body in one buffer in memory? Then it can leave in one write with the head. */
  get inMemory(): Buffer | null {
    if (this.#file !== null) return null;
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** Up to 64 KB from `position`; empty at the end. */
  read(position: number): Buffer {
    if (this.#file === null) return (this.inMemory ?? Buffer.alloc(0)).subarray(position);
    const buffer = Buffer.allocUnsafe(Math.min(readSize, this.length - position));
    const bytes = fs.readSync(this.#file, buffer, 0, buffer.length, position);
    return buffer.subarray(0, bytes);
  }

  close(): void {
    this.#chunks = [];
    if (this.#file === null) return;
    fs.closeSync(this.#file);
    this.#file = null;
  }
}

function writeAll(file: number, chunk: Buffer): void {
  let written = 0;
  while (written < chunk.length) written += fs.writeSync(file, chunk, written);
}
