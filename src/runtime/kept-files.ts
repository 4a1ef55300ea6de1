// Files that only root can read, at a reload after root was given up: what was read before stays in
// use as long as nothing speaks against it. nginx's master stays root and reads them again; here all
// threads are the user, and a reload would be refused for a key that nobody has touched.

import { statSync } from 'node:fs';
import type { SourceReader } from '../config/source.ts';

/** What a former load has read. */
export interface FormerFiles {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Paths of the configuration's own texts: they are not taken unseen. */
  readonly texts: ReadonlySet<string>;
}

// By the very bytes, so that they follow them from configuration to configuration.
const stamps = new WeakMap<Uint8Array, string>();

/** Null: not even that can be seen. */
function stampOf(path: string): string | null {
  try {
    const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs}`;
  } catch {
    return null;
  }
}

/** Reads from another reader, and takes from a former load what must not be read any more. */
export class KeptSources implements SourceReader {
  readonly #inner: SourceReader;
  readonly #former: FormerFiles | null;
  readonly #stamps = new Map<string, string>();
  readonly #unseen: string[] = [];

  /** @param former - null: nothing is kept, as before root was given up */
  constructor(inner: SourceReader, former: FormerFiles | null) {
    this.#inner = inner;
    this.#former = former;
  }

  /** Files that are kept although nobody can see whether they have changed. */
  get unseen(): readonly string[] {
    return this.#unseen;
  }

  read(path: string): Buffer {
    // Before it is read: a change in between shows at the next reload.
    const stamp = stampOf(path);
    try {
      const bytes = this.#inner.read(path);
      if (stamp !== null) this.#stamps.set(path, stamp);
      return bytes;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EACCES' && code !== 'EPERM') throw error;
      return this.#kept(path, stamp, error);
    }
  }

  glob(pattern: string): readonly string[] {
    return this.#inner.glob(pattern);
  }

  /** To be called with what was recorded, so that the next load can compare. */
  remember(files: ReadonlyMap<string, Uint8Array>): void {
    for (const [path, stamp] of this.#stamps) {
      const bytes = files.get(path);
      if (bytes !== undefined) stamps.set(bytes, stamp);
    }
  }

  #kept(path: string, stamp: string | null, error: unknown): Buffer {
    const bytes = this.#former?.files.get(path);
    if (bytes === undefined) throw error;
    if (stamp === null) {
      if (this.#former?.texts.has(path) === true) throw error;
      this.#unseen.push(path);
    } else if (stamp !== stamps.get(bytes)) {
      throw new Error(
        'it has changed, and the user that this process runs as must not read it: let a group of ' +
          'that user read it, or restart',
      );
    }
    const known = stamps.get(bytes);
    if (known !== undefined) this.#stamps.set(path, known);
    return Buffer.from(bytes);
  }
}
