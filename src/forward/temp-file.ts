// Temporary files for bodies that memory is too small for. Nobody else can open them, and, unless
// the configuration wants to keep them, they have no name any more as soon as they are open, so that
// nothing is left behind however the process ends.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** `client_body_temp_path`, `proxy_temp_path`: a folder, and the digits of its subfolders' names. */
export interface TempFolder {
  readonly path: string;
  /** Up to three lengths; empty: no subfolders. */
  readonly levels: readonly number[];
}

/** A temporary file that is open for reading and writing. */
export interface TempFile {
  readonly file: number;
  /** Its name at the time of opening. */
  readonly name: string;
}

const ownPart = randomBytes(8).toString('hex');
let lastNumber = 0;

/**
 * Makes a file without a name, for its owner alone.
 * @throws the file system's error
 */
export function openNameless(folder: TempFolder): TempFile {
  const opened = openNamed(folder, 0o600);
  fs.unlinkSync(opened.name);
  return opened;
}

/**
 * Makes a file that keeps its name; whoever opened it removes it.
 * @throws the file system's error
 */
export function openNamed(folder: TempFolder, mode: number): TempFile {
  lastNumber += 1;
  const digits = String(lastNumber).padStart(10, '0');
  const folders = foldersOf(folder, digits);
  const name = path.join(folders.at(-1) ?? folder.path, `${digits}-${ownPart}`);
  return { file: openNew(name, folders, mode), name };
}

// As nginx: the last digits of the number name the first subfolder, those before them the next.
function foldersOf(folder: TempFolder, digits: string): readonly string[] {
  const folders = [folder.path];
  let end = digits.length;
  for (const level of folder.levels) {
    if (end === 0) break;
    folders.push(path.join(folders.at(-1) ?? '', digits.slice(Math.max(end - level, 0), end)));
    end = Math.max(end - level, 0);
  }
  return folders;
}

// O_EXCL: nobody else may have made it.
function openNew(name: string, folders: readonly string[], mode: number): number {
  try {
    return fs.openSync(name, 'wx+', mode);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    // Only the folder itself and what is below it is made, as in nginx. (`recursive` never returns
    // where the file system says ENOENT to a mkdir inside a folder that exists, as /proc does.)
    for (const folder of folders) makeFolder(folder);
    return fs.openSync(name, 'wx+', mode);
  }
}

function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
