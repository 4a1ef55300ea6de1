// `proxy_store`: a copy of a response as a file. It is written under a temporary name beside the
// responses that wait, and gets its own when it is complete, so that nobody ever finds half of it.

import { close as closeFile, constants, promises as fs, write as writeFile } from 'node:fs';
import path from 'node:path';
import type { Exchange } from '../exchange/exchange.ts';
import { parseDate } from '../http1/date.ts';
import { serverOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { Unattended } from '../server/unattended.ts';
import type { StoreSettings } from './proxy-settings.ts';
import { openNamed } from './temp-file.ts';

/** Whoever feeds it. */
export interface StoreOwner {
  /** After `isBehind`: more can be written. */
  onCopyCaughtUp(): void;
}

/** More than this is not kept in memory for a slow disk. */
const mostQueued = 262_144;

/** The copy of one response. */
export class ResponseStore implements Unattended {
  readonly #x: Exchange;
  readonly #settings: StoreSettings;
  readonly #owner: StoreOwner;
  readonly #path: string;
  readonly #modified: Date | null;
  readonly #length: number;
  #file: number | null = null;
  #name = '';
  #queue: Buffer[] = [];
  #queued = 0;
  #written = 0;
  #writing = false;
  #behind = false;
  #complete = false;
  #over = false;

  constructor(x: Exchange, settings: StoreSettings, owner: StoreOwner) {
    this.#x = x;
    this.#settings = settings;
    this.#owner = owner;
    this.#path = Buffer.from(settings.path(x), 'latin1').toString();
    const modified = parseDate(x.upstreamHead?.fields.get('last-modified') ?? '');
    this.#modified = modified === null ? null : new Date(modified * 1000);
    this.#length = x.upstreamHead?.contentLength ?? -1;
    if (this.#path === '' || this.#path.includes('\0')) this.#over = true;
    else this.#open();
  }

  /** The source is to wait for `onCopyCaughtUp`. */
  get isBehind(): boolean {
    return this.#behind;
  }

  #open(): void {
    try {
      const opened = openNamed(this.#settings.folder, 0o600);
      this.#file = opened.file;
      this.#name = opened.name;
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** The bytes are copied. */
  append(chunk: Buffer): void {
    if (this.#over || this.#complete) return;
    this.#queue.push(Buffer.from(chunk));
    this.#queued += chunk.length;
    this.#behind = this.#queued > mostQueued;
    this.#write();
  }

  /** There is no more: it is stored once it is written. */
  complete(): void {
    if (this.#over || this.#complete) return;
    this.#complete = true;
    serverOf(this.#x).unattended.begin(this);
    if (!this.#writing) this.#publish();
  }

  /** It is not wanted, unless it was complete already. */
  abandon(): void {
    if (this.#over || this.#complete) return;
    this.#over = true;
    if (!this.#writing) this.#remove();
  }

  drop(): void {
    this.#over = true;
  }

  #write(): void {
    const [first] = this.#queue;
    if (this.#writing || first === undefined || this.#file === null) return;
    this.#writing = true;
    writeFile(this.#file, first, 0, first.length, this.#written, (error, bytes) =>
      this.#onWritten(error, bytes),
    );
  }

  #onWritten(error: Error | null, bytes: number): void {
    this.#writing = false;
    if (error !== null && !this.#over) this.#fail(error);
    if (this.#over) {
      this.#remove();
      this.#catchUp();
      return;
    }
    const first = this.#queue.shift();
    this.#written += bytes;
    this.#queued -= bytes;
    if (first !== undefined && first.length > bytes) this.#queue.unshift(first.subarray(bytes));
    if (this.#queue.length > 0) this.#write();
    else if (this.#complete) this.#publish();
    if (this.#queued <= mostQueued) this.#catchUp();
  }

  #catchUp(): void {
    if (!this.#behind) return;
    this.#behind = false;
    this.#owner.onCopyCaughtUp();
  }

  #publish(): void {
    this.#over = true;
    if (this.#length >= 0 && this.#length !== this.#written) {
      this.#remove();
      this.#settled();
      return;
    }
    this.#moveInPlace().then(
      () => this.#settled(),
      (error: unknown) => this.#fail(error),
    );
  }

  async #moveInPlace(): Promise<void> {
    const { fileMode, folderMode } = this.#settings;
    const name = this.#name;
    this.#close();
    await fs.chmod(name, fileMode);
    if (this.#modified !== null) await fs.utimes(name, this.#modified, this.#modified);
    await makeFolders(path.dirname(this.#path), folderMode);
    try {
      await fs.rename(name, this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      // Another file system: copied beside its place first, so that it still appears at once.
      await this.#copyInPlace(`${this.#path}.${path.basename(name)}`);
      await fs.rm(name);
    }
  }

  async #copyInPlace(beside: string): Promise<void> {
    try {
      await fs.copyFile(this.#name, beside, constants.COPYFILE_EXCL);
      await fs.chmod(beside, this.#settings.fileMode);
      if (this.#modified !== null) await fs.utimes(beside, this.#modified, this.#modified);
      await fs.rename(beside, this.#path);
    } catch (error) {
      await fs.rm(beside, { force: true });
      throw error;
    }
  }

  #fail(error: unknown): void {
    this.#over = true;
    const why = error instanceof Error ? error.message : String(error);
    logError(this.#x, 'crit', `response can't be stored as "${this.#path}": ${why}`);
    if (!this.#writing) this.#remove();
    this.#settled();
  }

  // The request has ended long since, perhaps.
  #settled(): void {
    serverOf(this.#x).unattended.end(this);
  }

  #close(): void {
    if (this.#file !== null) closeFile(this.#file, () => undefined);
    this.#file = null;
    this.#queue = [];
    this.#queued = 0;
  }

  #remove(): void {
    this.#close();
    if (this.#name === '') return;
    fs.rm(this.#name, { force: true }).catch(() => undefined);
    this.#name = '';
  }
}

// Those that are missing, each with its rights.
async function makeFolders(folder: string, mode: number): Promise<void> {
  try {
    await fs.mkdir(folder, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || path.dirname(folder) === folder) throw error;
    await makeFolders(path.dirname(folder), mode);
    await fs.mkdir(folder, { mode });
  }
}
