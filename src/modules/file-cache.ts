// The cache of `open_file_cache`: descriptors, sizes and dates of files, and which are missing. What
// it says is at most `valid` old; the file that it has open stays open for those who are reading it,
// also when it is replaced on disk or dropped from the cache.

import type fs from 'node:fs';
import { now } from '../base/clock.ts';
import type { FileAccess, OpenedFile } from './opened-file.ts';

/** Times in milliseconds. */
export interface FileCacheSettings {
  /** How long it is taken for true that a file is as it was found. */
  readonly valid: number;
  /** How often a file has to be asked for until it is kept open. */
  readonly minUses: number;
  /** Are errors kept as well, as that a file is missing? */
  readonly errors: boolean;
}

class Entry {
  /** Open, where it was asked for often enough. */
  shared: SharedFile | null = null;
  /** Null: there was an error. */
  stat: fs.Stats | null = null;
  error = '';
  uses = 0;
  checked = 0;
  accessed = 0;

  replace(found: fs.Stats | string): void {
    this.shared?.close();
    this.shared = null;
    this.stat = typeof found === 'string' ? null : found;
    this.error = typeof found === 'string' ? found : '';
  }
}

/** A descriptor that the cache and any number of answers use; the last of them closes it. */
class SharedFile implements OpenedFile {
  readonly #opened: OpenedFile;
  #users = 1;

  constructor(opened: OpenedFile) {
    this.#opened = opened;
  }

  get file(): number {
    return this.#opened.file;
  }

  get stat(): fs.Stats {
    return this.#opened.stat;
  }

  share(): this {
    this.#users += 1;
    return this;
  }

  close(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#opened.close();
  }
}

/** One view of the cache. */
interface View {
  readonly settings: FileCacheSettings;
  readonly files: FileAccess;
  /** Tells apart what files are found by different rules. */
  readonly prefix: string;
}

/** Of one `open_file_cache` directive, in one worker. */
export class FileCache {
  readonly #max: number;
  readonly #inactive: number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();

  /**
   * @param max - how many files, missing ones included
   * @param inactive - milliseconds after which what nobody asked for is dropped
   */
  constructor(max: number, inactive: number) {
    this.#max = max;
    this.#inactive = inactive;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The cache with settings, which may differ from location to location. */
  access(view: View): FileAccess {
    return {
      open: (path) => this.#open(path, view),
      look: (path) => this.#look(path, view),
    };
  }

  /** Drops everything; answers under way keep what they have open. */
  close(): void {
    for (const key of [...this.#entries.keys()]) this.#drop(key);
  }

  #open(path: string, view: View): OpenedFile | string {
    const key = view.prefix + path;
    const entry = this.#touched(key);
    if (entry !== null && isFresh(entry, view.settings)) {
      if (entry.stat === null) return entry.error;
      if (entry.shared !== null) return entry.shared.share();
      if (entry.stat.isDirectory()) return folder(entry.stat);
    }
    const found = view.files.open(path);
    if (typeof found === 'string') return this.#keepError(key, entry, found, view.settings);
    const kept = this.#kept(key, entry, found.stat);
    if (found.stat.isDirectory()) {
      found.close();
      return folder(found.stat);
    }
    if (kept.uses < view.settings.minUses) return found;
    kept.shared = new SharedFile(found);
    return kept.shared.share();
  }

  #look(path: string, view: View): fs.Stats | string {
    const key = view.prefix + path;
    const entry = this.#touched(key);
    if (entry !== null && isFresh(entry, view.settings)) return entry.stat ?? entry.error;
    const found = view.files.look(path);
    if (typeof found === 'string') return this.#keepError(key, entry, found, view.settings);
    const known = entry?.stat ?? null;
    if (entry !== null && known !== null && isUnchanged(known, found)) entry.checked = now();
    else this.#kept(key, entry, found);
    return found;
  }

  // Becomes the most recently used. Null: it is not known.
  #touched(key: string): Entry | null {
    this.#expire();
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.uses += 1;
    entry.accessed = now();
    return entry;
  }

  #kept(key: string, known: Entry | null, found: fs.Stats | string): Entry {
    const entry = known ?? this.#added(key);
    entry.replace(found);
    entry.checked = now();
    return entry;
  }

  #keepError(key: string, known: Entry | null, error: string, settings: FileCacheSettings): string {
    if (settings.errors) this.#kept(key, known, error);
    else this.#drop(key);
    return error;
  }

  #added(key: string): Entry {
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#max) break;
      this.#drop(oldest);
    }
    const entry = new Entry();
    entry.uses = 1;
    entry.accessed = now();
    this.#entries.set(key, entry);
    return entry;
  }

  // Two at a time: nobody waits for a cache that has grown old as a whole.
  #expire(): void {
    let looked = 0;
    for (const [key, entry] of this.#entries) {
      if (looked === 2 || now() - entry.accessed < this.#inactive) return;
      this.#drop(key);
      looked += 1;
    }
  }

  #drop(key: string): void {
    this.#entries.get(key)?.shared?.close();
    this.#entries.delete(key);
  }
}

function isFresh(entry: Entry, { valid }: FileCacheSettings): boolean {
  return now() - entry.checked < valid;
}

function isUnchanged(a: fs.Stats, b: fs.Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs;
}

function folder(stat: fs.Stats): OpenedFile {
  return { file: -1, stat, close: () => undefined };
}
