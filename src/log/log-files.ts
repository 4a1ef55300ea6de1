// The log files of one thread: each path is open once however many directives name it, and all of
// them share one timer. Made by the engine; a reload acquires the new configuration's files before
// it releases the old one's, so a file that stays is never closed.

import { Complaint } from './complaint.ts';
import { FlushTimer } from './flush-timer.ts';
import { LogFile } from './log-file.ts';

interface Entry {
  readonly file: LogFile;
  references: number;
}

/** Path → open file, with reference counts. */
export class LogFiles {
  readonly #entries = new Map<string, Entry>();
  readonly #timer = new FlushTimer();
  readonly #complaint: Complaint;

  /** @param complaint - where unwritable logs are reported, default stderr once a minute */
  constructor(complaint: Complaint = new Complaint()) {
    this.#complaint = complaint;
  }

  /**
   * The file at `path`, opened at the first call.
   *
   * @param path - absolute
   * @throws the error of the file system where it cannot be opened
   */
  acquire(path: string): LogFile {
    let entry = this.#entries.get(path);
    if (entry === undefined) {
      const options = { timer: this.#timer, complaint: this.#complaint };
      entry = { file: LogFile.open(path, options), references: 0 };
      this.#entries.set(path, entry);
    }
    entry.references += 1;
    return entry.file;
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

  /** Every open path. */
  get paths(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Opens every path anew (nginx's USR1). */
  reopenAll(): void {
    for (const entry of this.#entries.values()) entry.file.reopen();
  }

  /** Writes everything that is gathered before it returns. */
  flushAll(): void {
    for (const entry of this.#entries.values()) entry.file.flush();
  }
}
