// `disable_symlinks`: every component of a path is looked at before it is used. On Linux without a
// race: each folder is held open and the next component is opened inside of it, through
// /proc/self/fd, as openat(2) does. Elsewhere the components are looked at before and after, which
// somebody who may write into these folders, and is quick, can get around.

import fs from 'node:fs';
import { codeOf, describe, OwnFile, plainAccess, readFlags } from './opened-file.ts';
import type { FileAccess, OpenedFile } from './opened-file.ts';

/** Which symbolic links are refused: all, or those whose owner is not that of their target. */
export type RefusedLinks = 'on' | 'if_not_owner';

const { O_DIRECTORY, O_NOFOLLOW } = fs.constants;
// Not among Node's constants. Like a folder's name without the right to list it.
const O_PATH = 0o10000000;
const holdsFolders = process.platform === 'linux' && fs.existsSync('/proc/self/fd');

/** Opens and looks at files below folders that may hold symbolic links: ELOOP where one is refused. */
export class CheckedAccess implements FileAccess {
  readonly #refused: RefusedLinks;
  readonly #from: string;

  /** @param from - the beginning of paths that is not checked (`from=`); empty where all is */
  constructor(refused: RefusedLinks, from: string) {
    this.#refused = refused;
    this.#from = from.replace(/\/+$/, '');
  }

  open(path: string): OpenedFile | string {
    return this.#reach(path, (place) => this.#openLast(place));
  }

  look(path: string): fs.Stats | string {
    return this.#reach(path, (place) => this.#lookLast(place));
  }

  // Calls `last` with the path of the last component, all before it being safe.
  #reach<T>(path: string, last: (place: string) => T | string): T | string {
    if (path.includes('\0')) return 'ENOENT';
    const trusted = path === this.#from || path.startsWith(`${this.#from}/`) ? this.#from : '';
    const start = trusted === '' ? '/' : trusted;
    const rest = path
      .slice(trusted.length)
      .split('/')
      .filter((part) => part !== '');
    const name = rest.pop();
    // The trusted part itself, which may be a link.
    if (name === undefined) return last(`${start}/.`);
    return holdsFolders
      ? this.#descend(start, rest, name, last)
      : this.#walk(start, rest, name, last);
  }

  #descend<T>(
    start: string,
    folders: readonly string[],
    name: string,
    last: (place: string) => T | string,
  ): T | string {
    let held = -1;
    try {
      held = openFolder(start, 0);
      for (const folder of folders) {
        const next = this.#enter(held, folder);
        if (typeof next === 'string') return next;
        fs.closeSync(held);
        held = next;
      }
      return last(inside(held, name));
    } catch (thrown) {
      return codeOf(thrown);
    } finally {
      if (held !== -1) fs.closeSync(held);
    }
  }

  #enter(held: number, folder: string): number | string {
    const place = inside(held, folder);
    const link = fs.lstatSync(bytes(place));
    // As the kernel says of a link that is to be a folder: nginx answers 404 then.
    if (!link.isSymbolicLink() || this.#refused === 'on') return openFolder(place, O_NOFOLLOW);
    const next = openFolder(place, 0);
    if (fs.fstatSync(next).uid === link.uid) return next;
    fs.closeSync(next);
    return 'ELOOP';
  }

  #walk<T>(
    start: string,
    folders: readonly string[],
    name: string,
    last: (place: string) => T | string,
  ): T | string {
    const check = (): string | null => {
      let place = start.replace(/\/$/, '');
      for (const folder of folders) {
        place += `/${folder}`;
        const problem = this.#linkProblem(place);
        if (problem !== null) return this.#refused === 'on' ? 'ENOTDIR' : problem;
      }
      return null;
    };
    const place = `${[start.replace(/\/$/, ''), ...folders].join('/')}/${name}`;
    return check() ?? keptSafe(last(place), check());
  }

  #openLast(place: string): OpenedFile | string {
    try {
      const link = fs.lstatSync(bytes(place));
      if (!link.isSymbolicLink())
        return describe(fs.openSync(bytes(place), readFlags | O_NOFOLLOW));
      if (this.#refused === 'on') return 'ELOOP';
      const opened = plainAccess.open(place);
      if (typeof opened === 'string' || opened.stat.uid === link.uid) return opened;
      opened.close();
      return 'ELOOP';
    } catch (thrown) {
      return codeOf(thrown);
    }
  }

  #lookLast(place: string): fs.Stats | string {
    try {
      const link = fs.lstatSync(bytes(place));
      if (!link.isSymbolicLink()) return link;
      return this.#linkProblem(place) ?? fs.statSync(bytes(place));
    } catch (thrown) {
      return codeOf(thrown);
    }
  }

  #linkProblem(place: string): string | null {
    try {
      const link = fs.lstatSync(bytes(place));
      if (!link.isSymbolicLink()) return null;
      if (this.#refused === 'on') return 'ELOOP';
      return fs.statSync(bytes(place)).uid === link.uid ? null : 'ELOOP';
    } catch (thrown) {
      return codeOf(thrown);
    }
  }
}

function keptSafe<T>(found: T | string, problem: string | null): T | string {
  if (problem === null) return found;
  if (found instanceof OwnFile) found.close();
  return problem;
}

function openFolder(path: string, flags: number): number {
  return fs.openSync(bytes(path), O_PATH | O_DIRECTORY | flags);
}

function inside(folder: number, name: string): string {
  return `/proc/self/fd/${folder}/${name}`;
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}
