// A file that is open for an answer, whoever opened it: closing it gives it back. And the plain way to
// open one or to look at it, of which the other ways (a cache, checked symbolic links) are made.

import fs from 'node:fs';

/** A file that is open for reading. */
export interface OpenedFile {
  /** Its descriptor; -1 where it is a folder. */
  readonly file: number;
  readonly stat: fs.Stats;
  /** To be called once, when no more is read. */
  close(): void;
}

/** How files are opened: each gives what was found, or the name of the error, such as ENOENT. */
export interface FileAccess {
  /** Opens for reading. Folders are found too. */
  open(path: string): OpenedFile | string;
  look(path: string): fs.Stats | string;
}

/** One that nobody else uses. */
export class OwnFile implements OpenedFile {
  readonly file: number;
  readonly stat: fs.Stats;

  constructor(file: number, stat: fs.Stats) {
    this.file = file;
    this.stat = stat;
  }

  close(): void {
    fs.closeSync(this.file);
  }
}

// O_NONBLOCK: opening a FIFO must not block the worker.
export const readFlags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

/** The name of a system error. */
export function codeOf(thrown: unknown): string {
  return (thrown as NodeJS.ErrnoException).code ?? 'EIO';
}

/** What a descriptor is open for; it is closed where even that can't be told. */
export function describe(file: number): OpenedFile | string {
  try {
    return new OwnFile(file, fs.fstatSync(file));
  } catch (thrown) {
    fs.closeSync(file);
    return codeOf(thrown);
  }
}

/** Straight from the file system, symbolic links followed. Paths are one character per byte. */
export const plainAccess: FileAccess = {
  open(path) {
    if (path.includes('\0')) return 'ENOENT';
    try {
      return describe(fs.openSync(Buffer.from(path, 'latin1'), readFlags));
    } catch (thrown) {
      return codeOf(thrown);
    }
  },
  look(path) {
    if (path.includes('\0')) return 'ENOENT';
    try {
      return fs.statSync(Buffer.from(path, 'latin1'));
    } catch (thrown) {
      return codeOf(thrown);
    }
  },
};
