// Where the text of a configuration, and of the files it names, comes from: the file system, memory,
// or what another thread has read. A worker thread replays what the supervisor has recorded, so that
// all of them see one and the same configuration although files change meanwhile.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { compareBytes, expandGlob, matchesGlob, type FolderReader } from './glob.ts';

/** Reads files for a configuration: its own text, and certificates, keys and lists it names. */
export interface SourceReader {
  /**
   * @param path - absolute
   * @throws an error with `code` as of `node:fs`
   */
  read(path: string): Buffer;
  /**
   * @param pattern - absolute, with `*`, `?` and `[...]` as of glob(3)
   * @returns absolute paths, sorted by their bytes; empty where none matches
   */
  glob(pattern: string): readonly string[];
}

const fileSystem: FolderReader = {
  names(folder) {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
  exists: existsSync,
};

/** The file system. Reads block: it is for loading, not for the data path. */
export class FileSources implements SourceReader {
  read(path: string): Buffer {
    return readFileSync(path);
  }

  glob(pattern: string): readonly string[] {
    return expandGlob(pattern, fileSystem);
  }
}

/** What a `RecordedSources` was asked for. Can be sent to a worker thread; may hold private keys. */
export interface SourceSnapshot {
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  readonly globs: Map<string, readonly string[]>;
}

/** Passes everything on to another reader and keeps what it answered. */
export class RecordedSources implements SourceReader {
  readonly #inner: SourceReader;
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #globs = new Map<string, readonly string[]>();

  constructor(inner: SourceReader) {
    this.#inner = inner;
  }

  /** A path read twice gives the same bytes twice, so that what is replayed is what was checked. */
  read(path: string): Buffer {
    const known = this.#files.get(path);
    if (known !== undefined) return Buffer.from(known);
    const bytes = this.#inner.read(path);
    // A copy of its own: a pooled Buffer would send its neighbours along to the worker.
    this.#files.set(path, new Uint8Array(bytes));
    return bytes;
  }

  glob(pattern: string): readonly string[] {
    const known = this.#globs.get(pattern);
    if (known !== undefined) return known;
    const paths = [...this.#inner.glob(pattern)];
    this.#globs.set(pattern, paths);
    return paths;
  }

  /** All that was read so far; later reads do not change it. */
  snapshot(): SourceSnapshot {
    return { files: new Map(this.#files), globs: new Map(this.#globs) };
  }
}

function notFound(path: string, reason: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`ENOENT: ${reason}, open '${path}'`);
  error.code = 'ENOENT';
  error.errno = -2;
  error.syscall = 'open';
  error.path = path;
  return error;
}

/** Answers from a snapshot alone and never touches the file system. */
export class ReplayedSources implements SourceReader {
  readonly #snapshot: SourceSnapshot;

  constructor(snapshot: SourceSnapshot) {
    this.#snapshot = snapshot;
  }

  read(path: string): Buffer {
    const bytes = this.#snapshot.files.get(path);
    if (bytes === undefined) throw notFound(path, 'not part of the recorded configuration');
    return Buffer.from(bytes);
  }

  glob(pattern: string): readonly string[] {
    return this.#snapshot.globs.get(pattern) ?? [];
  }
}

/** Texts in memory, and for all other paths another reader, if one is given. */
export class TextSources implements SourceReader {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #fallback: SourceReader | null;

  /** @param texts - by absolute path */
  constructor(texts: ReadonlyMap<string, string>, fallback: SourceReader | null = null) {
    this.#texts = texts;
    this.#fallback = fallback;
  }

  read(path: string): Buffer {
    const text = this.#texts.get(path);
    if (text !== undefined) return Buffer.from(text);
    if (this.#fallback === null) throw notFound(path, 'no such file or directory');
    return this.#fallback.read(path);
  }

  glob(pattern: string): readonly string[] {
    const own = [...this.#texts.keys()].filter((path) => matchesGlob(path, pattern));
    const other = this.#fallback?.glob(pattern) ?? [];
    return [...new Set([...own, ...other])].sort(compareBytes);
  }
}
