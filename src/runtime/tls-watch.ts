// Notices changes of files, whatever makes them: writing in place, renaming over, a symbolic link
// that is turned (Kubernetes' `..data`), a folder that comes back. The kernel's events make it
// prompt; a look at the files every few seconds finds what events miss (network file systems).

import { readlinkSync, statSync, watch, type FSWatcher } from 'node:fs';
import path from 'node:path';

/** Times in milliseconds. */
export interface TlsWatchTimes {
  /** Between two looks at all files. Default 3 s. */
  readonly pollMs?: number;
  /** For how long all files must be as they are. Default 200 ms. */
  readonly settleMs?: number;
}

export interface TlsWatchOptions extends TlsWatchTimes {
  /** Absolute. */
  readonly paths: readonly string[];
  /** Something has changed and is at rest. Called once soon after the start as well. */
  readonly onChange: () => void;
}

/** After an event the files are looked at this soon. */
const promptMs = 20;
/** A file that never rests must not keep others waiting for longer. */
const patienceMs = 5_000;
/** As many symbolic links as Linux follows. */
const maxLinks = 40;

/** A watcher. It does not keep the process alive. */
export class TlsWatch {
  readonly #paths: readonly string[];
  readonly #onChange: () => void;
  readonly #settleMs: number;
  readonly #watchers: FSWatcher[] = [];
  readonly #poll: NodeJS.Timeout;
  #timer: NodeJS.Timeout | null = null;
  #seen = '';
  /** Since when there is a change that was not told, null where there is none. */
  #unrestSince: number | null = null;
  #closed = false;

  constructor({ paths, onChange, pollMs = 3_000, settleMs = 200 }: TlsWatchOptions) {
    this.#paths = paths;
    this.#onChange = onChange;
    this.#settleMs = settleMs;
    this.#poll = setInterval(() => this.#nudge(0), pollMs).unref();
    // What changed between the reading of the files and this moment is a change as well.
    this.#look();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#unwatch();
  }

  #nudge(ms: number): void {
    if (this.#closed || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#look();
    }, ms).unref();
  }

  #look(): void {
    const seen = this.#paths.map(signature).join('\n');
    const now = performance.now();
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#unrestSince ??= now;
      // A folder may be another one now, a link may lead elsewhere.
      this.#unwatch();
      this.#watchAll();
      if (now - this.#unrestSince < patienceMs) {
        this.#nudge(this.#settleMs);
        return;
      }
    }
    if (this.#unrestSince === null) return;
    this.#unrestSince = null;
    this.#onChange();
  }

  #watchAll(): void {
    const names = new Map<string, Set<string>>();
    for (const { folder, name } of this.#paths.flatMap(placesOf)) {
      const known = names.get(folder);
      if (known === undefined) names.set(folder, new Set([name]));
      else known.add(name);
    }
    for (const [folder, wanted] of names) this.#watch(folder, wanted);
  }

  // Where that fails (no permission, too many watches) the regular look remains.
  #watch(folder: string, wanted: ReadonlySet<string>): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        // Other files of the folder may be logs. The folder's own name: it was moved or removed.
        if (name === null || wanted.has(name) || name === path.basename(folder)) {
          this.#nudge(promptMs);
        }
      });
      watcher.on('error', () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      // See above.
    }
  }

  #unwatch(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }
}

// What differs when a file has another content, or may be read now; cheap to ask for.
function signature(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

interface Place {
  readonly folder: string;
  readonly name: string;
}

/** Every place where a change makes the path another file: itself, and each link on the way. */
function placesOf(file: string): Place[] {
  const places: Place[] = [];
  const rest = file.split('/').filter((part) => part !== '');
  let folder = '/';
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      folder = path.dirname(folder);
      continue;
    }
    const full = path.join(folder, name);
    const link = linkOf(full);
    if (link === null && rest.length > 0) {
      folder = full;
      continue;
    }
    places.push({ folder, name });
    if (link === null || link === 'missing' || places.length > maxLinks) break;
    rest.unshift(...link.to.split('/'));
    if (path.isAbsolute(link.to)) folder = '/';
  }
  return places;
}

/** Where a link leads; null for what is no link. */
function linkOf(file: string): { readonly to: string } | 'missing' | null {
  try {
    return { to: readlinkSync(file) };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EINVAL' ? null : 'missing';
  }
}
