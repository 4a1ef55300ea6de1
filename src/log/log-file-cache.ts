// Log files whose names come out of variables (`access_log /var/log/$host.log`), opened as lines
// come. With `open_log_file_cache` they stay open for a while; without it each is closed as soon as
// the batch is written that it was opened for, so that a renamed file gets a successor by itself.

import { fstatSync, statSync } from 'node:fs';
import { now } from '../base/clock.ts';
import type { Complaint } from './complaint.ts';
import { FlushTimer } from './flush-timer.ts';
import { LogFile } from './log-file.ts';

/** `open_log_file_cache`. Times are milliseconds. */
export interface LogFileCacheSettings {
  /** Most files; the one that was used longest ago makes room. */
  readonly max: number;
  /** A file that gets no line for this long is closed. */
  readonly inactive: number;
  /** A file with fewer lines than this is closed after each batch, until it has had them. */
  readonly minUses: number;
  /** How often it is looked whether the path still leads to the open file. */
  readonly valid: number;
}

/** Files that are open at once without a cache: beyond that the oldest batch is written early. */
const maxWithoutCache = 512;
const batchMs = 100;
/** There may be many files, most of them with few lines. */
const initialBytes = 4096;

class Entry {
  file: LogFile | null = null;
  uses = 0;
  usedAt = 0;
  checkedAt = 0;
  device = 0;
  inode = 0;

  close(): void {
    this.file?.closeSoon();
    this.file = null;
  }
}

/** The files of one `open_log_file_cache`, or of its absence, in one thread. */
export class LogFileCache {
  // In the order of use: the first one was used longest ago.
  readonly #entries = new Map<string, Entry>();
  readonly #settings: LogFileCacheSettings | null;
  readonly #complaint: Complaint;
  readonly #max: number;
  readonly #timer = new FlushTimer(batchMs);
  #sweep: NodeJS.Timeout | null = null;

  /** @param settings - null: no file outlives its batch */
  constructor(settings: LogFileCacheSettings | null, complaint: Complaint) {
    this.#settings = settings;
    this.#complaint = complaint;
    this.#max = settings?.max ?? maxWithoutCache;
  }

  /**
   * The file for one line.
   *
   * @param path - absolute; one character per byte
   * @throws the error of the file system where it cannot be opened
   */
  file(path: string): LogFile {
    const time = now();
    const entry = this.#entries.get(path) ?? new Entry();
    this.#entries.delete(path);
    if (entry.file !== null && !this.#isCurrent(path, entry, time)) entry.close();
    const file = entry.file ?? this.#open(path, entry, time);
    entry.uses += 1;
    entry.usedAt = time;
    this.#entries.set(path, entry);
    if (this.#entries.size > this.#max) this.#closeOldest();
    if (this.#sweep === null) this.#sweepLater();
    return file;
  }

  #open(path: string, entry: Entry, time: number): LogFile {
    const place = Buffer.from(path, 'latin1');
    const timer = this.#timer;
    const complaint = this.#complaint;
    const file = LogFile.open(place, { timer, complaint, initialBytes });
    const { dev, ino } = fstatSync(file.descriptor);
    entry.file = file;
    entry.checkedAt = time;
    entry.device = dev;
    entry.inode = ino;
    return file;
  }

  #isCurrent(path: string, entry: Entry, time: number): boolean {
    if (this.#settings === null || time - entry.checkedAt < this.#settings.valid) return true;
    entry.checkedAt = time;
    const found = statSync(Buffer.from(path, 'latin1'), { throwIfNoEntry: false });
    return found !== undefined && found.dev === entry.device && found.ino === entry.inode;
  }

  #closeOldest(): void {
    for (const [path, entry] of this.#entries) {
      this.#entries.delete(path);
      entry.close();
      return;
    }
  }

  #sweepLater(): void {
    const inactive = this.#settings?.inactive ?? batchMs;
    const delay = Math.max(batchMs, Math.min(inactive, 1000));
    this.#sweep = setTimeout(() => this.#closeUnused(), delay);
    this.#sweep.unref();
  }

  #closeUnused(): void {
    this.#sweep = null;
    const time = now();
    const { inactive, minUses } = this.#settings ?? { inactive: 0, minUses: Infinity };
    for (const [path, entry] of this.#entries) {
      const active = time - entry.usedAt < inactive;
      if (!active || entry.uses < minUses) entry.close();
      if (!active) this.#entries.delete(path);
    }
    if (this.#entries.size > 0) this.#sweepLater();
  }

  flushAll(): void {
    for (const { file } of this.#entries.values()) file?.flush();
  }

  /** Writes and closes all of them; the next line opens its file anew. */
  closeAll(): void {
    if (this.#sweep !== null) clearTimeout(this.#sweep);
    this.#sweep = null;
    for (const { file } of this.#entries.values()) file?.close();
    this.#entries.clear();
  }
}
