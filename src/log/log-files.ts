// The log files of one thread: each path is open once however many directives name it, and files
// that are flushed at one pace share a timer. Made for one configuration; caches of files whose
// names come out of variables register here, so that a rotation and the end reach them too.

import { Complaint, sayOnStderr, type Say } from './complaint.ts';
import { FlushTimer } from './flush-timer.ts';
import { LogFile } from './log-file.ts';
import type { LogFileCache } from './log-file-cache.ts';

interface Entry {
  readonly file: LogFile;
  references: number;
}

/** Where a file complains. Error logs complain to stderr: not into themselves. */
export type ComplainsTo = 'error log' | 'stderr';

/** Path → open file, with reference counts. */
export class LogFiles {
  readonly #entries = new Map<string, Entry>();
  readonly #timer = new FlushTimer();
  readonly #timers = new Map<number, FlushTimer>();
  readonly #caches = new Set<LogFileCache>();

  /** Takes the complaints of access logs, at most one a minute and file. Default: stderr. */
  say: Say = sayOnStderr;

  /**
   * The file at `path`, opened at the first call.
   *
   * @param path - absolute
   * @throws the error of the file system where it cannot be opened
   */
  acquire(path: string, complainsTo: ComplainsTo = 'error log'): LogFile {
    let entry = this.#entries.get(path);
    if (entry === undefined) {
      entry = { file: this.#open(path, complainsTo), references: 0 };
      this.#entries.set(path, entry);
    }
    entry.references += 1;
    return entry.file;
  }

  #open(path: string, complainsTo: ComplainsTo): LogFile {
    const complaint = complainsTo === 'stderr' ? new Complaint() : this.complaint();
    return LogFile.open(path, { timer: this.#timer, complaint });
  }

  /** A voice of its own, which speaks to whoever takes the complaints then. */
  complaint(): Complaint {
    return new Complaint((message) => this.say(message));
  }

  /** @param delay - milliseconds; files of one delay share a timer */
  timer(delay: number): FlushTimer {
    let timer = this.#timers.get(delay);
    if (timer === undefined) {
      timer = new FlushTimer(delay);
      this.#timers.set(delay, timer);
    }
    return timer;
  }

  /** Gives back one `acquire`; the last one flushes and closes. */
  release(file: LogFile): void {
    const entry = this.#entries.get(file.path);
    if (entry === undefined || entry.file !== file) return;
    entry.references -= 1;
    if (entry.references > 0) return;
    this.#entries.delete(file.path);
    file.close();
  }

  addCache(cache: LogFileCache): void {
    this.#caches.add(cache);
  }

  /** Closes the files of a cache for good. */
  removeCache(cache: LogFileCache): void {
    this.#caches.delete(cache);
    cache.closeAll();
  }

  /** Every open path, without those that variables name. */
  get paths(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Opens every path anew (nginx's USR1), after what is gathered has gone into the old files. */
  reopenAll(): void {
    for (const entry of this.#entries.values()) entry.file.reopen();
    for (const cache of this.#caches) cache.closeAll();
  }

  /** Writes everything that is gathered before it returns. */
  flushAll(): void {
    for (const entry of this.#entries.values()) entry.file.flush();
    for (const cache of this.#caches) cache.flushAll();
  }
}
