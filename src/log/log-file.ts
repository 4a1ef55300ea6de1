// An append-only file that several worker threads write at once. `write` only gathers text; a
// batch goes to the disk in one append, so that lines of different threads don't mix. A disk that
// is slow, full or gone never stops service: lines are dropped, counted, and complained about.

import { close, closeSync, openSync, write, writeSync } from 'node:fs';
import { gzip, gzipSync } from 'node:zlib';
import { describeSystemError, systemErrorHint } from '../base/system-error.ts';
import { Complaint } from './complaint.ts';
import { FlushTimer } from './flush-timer.ts';
import { LineBuffer } from './line-buffer.ts';

const defaultBatch = 65_536;
const defaultLimit = 16 * 1024 * 1024;
const newline = 0x0a;

/** How a log file is flushed and where it complains. */
export interface LogFileOptions {
  /** The thread's timer; by default one of its own. */
  readonly timer?: FlushTimer;
  readonly complaint?: Complaint;
  /** Bytes gathered before lines are dropped, default 16 Mi. */
  readonly limit?: number;
  /** Bytes that are set aside for lines from the beginning, default 64 Ki. */
  readonly initialBytes?: number;
}

/** What `access_log … buffer= flush= gzip=` ask for. */
export interface Buffering {
  /** Bytes that make a batch. */
  readonly size: number;
  /** Wakes the file some time after its first line; null: only a full buffer is written. */
  readonly timer: FlushTimer | null;
  /** Level of compression, 1 to 9; 0: none. Each batch becomes a gzip member of its own. */
  readonly gzip: number;
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
  readonly #place: string | Buffer;
  #timer: FlushTimer | null;
  readonly #complaint: Complaint;
  readonly #limit: number;
  #batch = defaultBatch;
  #gzip = 0;
  #file: OpenFile;
  readonly #gathered: LineBuffer;
  #scheduled = false;
  #closed = false;
  /** The path could not be opened anew when it was to be: it is tried again with each batch. */
  #outdated = false;
  #dropped = 0;

  /**
   * Opens a file for appending and creates it, mode 0644, where there is none.
   *
   * @param path - a buffer where its bytes are not UTF-8
   * @throws the error of the file system where it cannot be opened
   */
  static open(path: string | Buffer, options: LogFileOptions = {}): LogFile {
    return new LogFile(path, openFile(path), options);
  }

  private constructor(path: string | Buffer, file: OpenFile, options: LogFileOptions) {
    this.path = path.toString();
    this.#place = path;
    this.#file = file;
    this.#timer = options.timer ?? new FlushTimer();
    this.#complaint = options.complaint ?? new Complaint();
    this.#limit = options.limit ?? defaultLimit;
    this.#gathered = new LineBuffer(options.initialBytes);
  }

  /** Lines lost because the disk was stuck or refused them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** For who wants to know whether the path still leads to it. */
  get descriptor(): number {
    return this.#file.fd;
  }

  /** Changes when batches are written, and how; to be called before the first line. */
  buffer(buffering: Buffering): void {
    this.#timer = buffering.timer;
    this.#batch = buffering.size;
    this.#gzip = buffering.gzip;
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
    const why = this.#closed ? 'is closed already' : 'is not written fast enough';
    this.#drop(`"${this.path}" ${why}`, 1);
    return null;
  }

  /** Ends what `begin` began. */
  end(): void {
    if (this.#gathered.length >= this.#batch) this.#begin();
    else if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    if (this.#timer === null) return;
    this.#scheduled = true;
    this.#timer.add(this);
  }

  /** For the timer: starts one append of all that is gathered, unless one is under way. */
  startFlush(): void {
    this.#scheduled = false;
    this.#begin();
  }

  #begin(): void {
    if (this.#closed || this.#file.busy || this.#gathered.length === 0) return;
    if (this.#outdated) this.#openAnew();
    const file = this.#file;
    const bytes = this.#gathered.take();
    file.busy = true;
    if (this.#gzip === 0) {
      this.#append(file, bytes);
      return;
    }
    gzip(bytes, { level: this.#gzip }, (error, packed) => {
      if (error === null) this.#append(file, packed, countLines(bytes));
      else this.#finish(file, { bytes, error, lines: countLines(bytes) });
    });
  }

  /**
   * Writes what is gathered before it returns. A batch that is already on its way is not waited
   * for, so its lines may come after these.
   */
  flush(): void {
    if (this.#gathered.length === 0) return;
    if (this.#outdated) this.#openAnew();
    this.#writeNow();
  }

  #writeNow(): void {
    if (this.#gathered.length === 0) return;
    const gathered = this.#gathered.take();
    let bytes = gathered;
    try {
      if (this.#gzip > 0) bytes = gzipSync(gathered, { level: this.#gzip });
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(this.#file.fd, bytes));
    } catch (error) {
      const lost = this.#gzip > 0 ? gathered : bytes;
      this.#dropWritten(error, countLines(lost));
    }
  }

  /**
   * Opens the path anew, as after a rotation: lines gathered so far go into the old file. Where
   * the path cannot be opened the old file stays in use until it can.
   */
  reopen(): void {
    if (this.#closed) return;
    this.#writeNow();
    this.#openAnew();
  }

  #openAnew(): void {
    let fresh: OpenFile;
    try {
      fresh = openFile(this.#place);
    } catch (error) {
      this.#outdated = true;
      const why = `(${describeSystemError(error)})${systemErrorHint(error)}`;
      this.#complaint.raise(`open() "${this.path}" failed ${why}`);
      return;
    }
    this.#outdated = false;
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

  /** As `close`, but the last batch is written while the caller goes on. */
  closeSoon(): void {
    if (this.#closed) return;
    // A batch that is under way lets no other one begin.
    if (this.#file.busy) this.flush();
    this.#begin();
    this.#closed = true;
    retire(this.#file);
  }

  // `lines` where they can't be counted in the bytes.
  #append(file: OpenFile, bytes: Buffer, lines = -1): void {
    write(file.fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null && written < bytes.length) {
        this.#append(file, bytes.subarray(written), lines);
        return;
      }
      this.#finish(file, { bytes, error, lines });
    });
  }

  #finish(
    file: OpenFile,
    { bytes, error, lines }: { bytes: Buffer; error: NodeJS.ErrnoException | null; lines: number },
  ): void {
    // A pipe whose reader is slow says EAGAIN: that is no loss yet.
    if (error?.code === 'EAGAIN' && !file.closing && lines < 0) this.#gatherAgain(bytes);
    else if (error !== null) this.#dropWritten(error, lines < 0 ? countLines(bytes) : lines);
    else if (lines < 0) this.#gathered.reuse(bytes);
    file.busy = false;
    if (file.closing) close(file.fd, () => {});
    else if (this.#gathered.length >= this.#batch && error === null) this.#begin();
    else this.#wake();
  }

  #gatherAgain(bytes: Buffer): void {
    const later = this.#gathered.take();
    this.#gathered.text(bytes.toString('latin1'));
    this.#gathered.text(later.toString('latin1'));
  }

  #wake(): void {
    if (this.#gathered.length > 0 && !this.#scheduled) this.#schedule();
  }

  #dropWritten(error: unknown, lines: number): void {
    this.#drop(`write() to "${this.path}" failed (${describeSystemError(error)})`, lines);
  }

  #drop(why: string, lines: number): void {
    this.#dropped += lines;
    this.#complaint.raise(`${why}, ${this.#dropped} lines dropped so far`);
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) lines += 1;
  return lines;
}

function openFile(path: string | Buffer): OpenFile {
  return { fd: openSync(path, 'a', 0o644), busy: false, closing: false };
}

function retire(file: OpenFile): void {
  if (file.busy) file.closing = true;
  else closeSync(file.fd);
}
