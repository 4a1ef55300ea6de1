// An append-only file that several worker threads write at once. `write` only gathers text; a
// batch goes to the disk in one append, so that lines of different threads don't mix. A disk that
// is slow, full or gone never stops service: text is dropped, counted, and complained about.

import { close, closeSync, openSync, write, writeSync } from 'node:fs';
import { Complaint } from './complaint.ts';
import { FlushTimer } from './flush-timer.ts';
import { LineBuffer } from './line-buffer.ts';

const batchLength = 65_536;
const defaultLimit = 16 * 1024 * 1024;

/** How a log file is flushed and where it complains. */
export interface LogFileOptions {
  /** The thread's timer; by default one of its own. */
  readonly timer?: FlushTimer;
  readonly complaint?: Complaint;
  /** Bytes gathered before text is dropped, default 16 Mi. */
  readonly limit?: number;
}

/** One open file: it outlives a reopen until its last write has come back. */
interface OpenFile {
  readonly fd: number;
  busy: boolean;
  closing: boolean;
}

/** A log file of one thread. */
export class LogFile {
  readonly path: string;
  readonly #timer: FlushTimer;
  readonly #complaint: Complaint;
  readonly #limit: number;
  #file: OpenFile;
  readonly #gathered = new LineBuffer();
  #scheduled = false;
  #closed = false;
  #dropped = 0;

  /**
   * Opens a file for appending and creates it, mode 0644, where there is none.
   *
   * @throws the error of the file system where it cannot be opened
   */
  static open(path: string, options: LogFileOptions = {}): LogFile {
    return new LogFile(path, openFile(path), options);
  }

  private constructor(path: string, file: OpenFile, options: LogFileOptions) {
    this.path = path;
    this.#file = file;
    this.#timer = options.timer ?? new FlushTimer();
    this.#complaint = options.complaint ?? new Complaint();
    this.#limit = options.limit ?? defaultLimit;
  }

  /** Pieces of text lost because the disk was stuck or refused them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param text - one line or several, newlines included; never throws */
  write(text: string): void {
    const line = this.begin(text.length);
    if (line === null) return;
    line.utf8(text);
    this.end();
  }

  /**
   * For a line that is written piece by piece into the buffer; `end` must follow at once.
   *
   * @param size - bytes that the line will have at least
   * @returns null where it has to be dropped
   */
  begin(size: number): LineBuffer | null {
    if (!this.#closed && this.#gathered.length + size <= this.#limit) return this.#gathered;
    this.#drop('is not written fast enough');
    return null;
  }

  /** Ends what `begin` began. */
  end(): void {
    if (this.#gathered.length >= batchLength) this.#begin();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#timer.add(this);
    }
  }

  /** For the timer: starts one append of all that is gathered, unless one is under way. */
  startFlush(): void {
    this.#scheduled = false;
    this.#begin();
  }

  #begin(): void {
    const file = this.#file;
    if (this.#closed || file.busy || this.#gathered.length === 0) return;
    const bytes = this.#gathered.take();
    file.busy = true;
    this.#append(file, bytes);
  }

  /**
   * Writes what is gathered before it returns. A batch that is already on its way is not waited
   * for, so its lines may come after these.
   */
  flush(): void {
    if (this.#gathered.length === 0) return;
    try {
      let bytes = this.#gathered.take();
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#file.fd, bytes));
    } catch (error) {
      this.#drop(reason(error));
    }
  }

  /**
   * Opens the path anew, as after a rotation: lines gathered so far go into the old file. Where
   * the path cannot be opened the old file stays in use.
   */
  reopen(): void {
    if (this.#closed) return;
    let fresh: OpenFile;
    try {
      fresh = openFile(this.path);
    } catch (error) {
      this.#complaint.raise(`open() "${this.path}" failed: ${reason(error)}`);
      return;
    }
    this.flush();
    retire(this.#file);
    this.#file = fresh;
  }

  /** Flushes and closes. Later writes are dropped. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    retire(this.#file);
  }

  #append(file: OpenFile, bytes: Buffer): void {
    write(file.fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null && written < bytes.length) {
        this.#append(file, bytes.subarray(written));
        return;
      }
      // A pipe whose reader is slow says EAGAIN: that is no loss yet.
      if (error?.code === 'EAGAIN' && !file.closing) this.#gatherAgain(bytes);
      else if (error !== null) this.#drop(reason(error));
      else this.#gathered.reuse(bytes);
      file.busy = false;
      if (file.closing) close(file.fd, () => {});
      else if (this.#gathered.length >= batchLength && error === null) this.#begin();
      else this.#wake();
    });
  }

  #gatherAgain(bytes: Buffer): void {
    const later = this.#gathered.take();
    this.#gathered.text(bytes.toString('latin1'));
    this.#gathered.text(later.toString('latin1'));
  }

  #wake(): void {
    if (this.#gathered.length === 0 || this.#scheduled) return;
    this.#scheduled = true;
    this.#timer.add(this);
  }

  #drop(why: string): void {
    this.#dropped += 1;
    this.#complaint.raise(`log "${this.path}" ${why}: ${this.#dropped} pieces dropped so far`);
  }
}

function openFile(path: string): OpenFile {
  return { fd: openSync(path, 'a', 0o644), busy: false, closing: false };
}

function retire(file: OpenFile): void {
  if (file.busy) file.closing = true;
  else closeSync(file.fd);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
