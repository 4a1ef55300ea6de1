// Password files: lines of user:hash, read once and again when the file has changed.

import fs from 'node:fs';

interface ReadFile {
  readonly stamp: string;
  readonly users: ReadonlyMap<string, string>;
}

/** With variables in the path there may be many. */
const mostFiles = 100;

/** The password files that a configuration has used. */
export class PasswordFiles {
  readonly #files = new Map<string, ReadFile>();

  /**
   * The stored hash of a user; null where there is none of that name.
   *
   * @param path - absolute; one character per byte
   * @throws the file system's error where the file can't be read
   */
  hashOf(path: string, user: string): string | null {
    return this.#read(path).users.get(user) ?? null;
  }

  #read(path: string): ReadFile {
    const name = Buffer.from(path, 'latin1');
    const stat = fs.statSync(name);
    const stamp = `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    const known = this.#files.get(path);
    if (known?.stamp === stamp) return known;
    const read = { stamp, users: parsePasswords(fs.readFileSync(name, 'latin1')) };
    if (known === undefined && this.#files.size >= mostFiles) this.#files.clear();
    this.#files.set(path, read);
    return read;
  }
}

/** Hashes by user. Of several lines for one user the first counts; what follows the hash doesn't. */
export function parsePasswords(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line.startsWith('\r')) continue;
    const [user = '', rest] = line.split(':', 2);
    if (rest === undefined || users.has(user)) continue;
    users.set(user, rest.split('\r', 1)[0] ?? '');
  }
  return users;
}
