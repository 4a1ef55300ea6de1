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
    this.#file = openNameless(this.#folder);
    for (const chunk of this.#chunks) writeAll(this.#file, chunk);
    this.#chunks = [];
  }

  /** The whole body where it is in memory, so that it can leave with the head; else null. */
  get inMemory(): readonly Buffer[] | null {
    return this.#file === null ? this.#chunks : null;
  }

  /** Of a body in the file: up to 64 KB from `position`; empty at the end. */
  read(position: number): Buffer {
    if (this.#file === null) return Buffer.concat(this.#chunks).subarray(position);
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

const namePrefix = randomBytes(8).toString('hex');
let lastNumber = 0;

// O_EXCL and 0600: nobody else may have made it or may read it. It is unlinked at once, so that
// nothing is left behind however the process ends.
function openNameless(folder: string): number {
  lastNumber += 1;
  const name = path.join(folder, `body-${namePrefix}-${lastNumber}`);
  const file = openNew(name, folder);
  fs.unlinkSync(name);
  return file;
}

function openNew(name: string, folder: string): number {
  try {
    return fs.openSync(name, 'wx+', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Only the folder itself is made, as in nginx. (`recursive` never returns where the file system
    // says ENOENT to a mkdir inside a folder that exists, as /proc does.)
    fs.mkdirSync(folder, { mode: 0o700 });
    return fs.openSync(name, 'wx+', 0o600);
  }
}

function writeAll(file: number, chunk: Buffer): void {
  let written = 0;
  while (written < chunk.length) written += fs.writeSync(file, chunk, written);
}
