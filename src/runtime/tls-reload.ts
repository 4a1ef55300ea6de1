// Takes over TLS files as they change: watches them, has them checked, moves all workers to them,
// and says in the log what is in use now and what was refused.

import { readFileSync, statSync } from 'node:fs';
import type { LogLevel } from '../base/errors.ts';
import { asSallyportError, diagnosticLine } from './failure.ts';
import type { Compile, Loaded } from './load.ts';
import {
  refresh,
  type Refreshed,
  type Refusal,
  type RefusedTlsFile,
  type SwappedTlsFile,
} from './refresh.ts';
import { TlsWatch, type TlsWatchTimes } from './tls-watch.ts';

/** What happens to TLS files. */
export interface TlsReloadEvents {
  tlsReloaded(files: readonly SwappedTlsFile[]): void;
  tlsReloadFailed(files: readonly RefusedTlsFile[]): void;
}

/** What it needs of the supervisor. */
export interface TlsReloadParts {
  readonly compile: Compile;
  readonly times: TlsWatchTimes;
  readonly events: TlsReloadEvents;
  /** The configuration in force; null where none is served. */
  current(): Loaded | null;
  log(level: LogLevel, text: string): void;
  /** Runs `work` when nothing else changes the workers; `move` has all of them serve another. */
  swap(work: (move: (loaded: Loaded) => Promise<void>) => Promise<void>): Promise<void>;
}

/** Keeps the TLS files of one proxy fresh. */
export class TlsReload {
  readonly #parts: TlsReloadParts;
  #watch: TlsWatch | null = null;
  /** By path, so that each refused content is named once. */
  #refused = new Map<string, Refusal>();

  constructor(parts: TlsReloadParts) {
    this.#parts = parts;
  }

  /** Watches the files of a configuration from now on, and no others. */
  watch(loaded: Loaded): void {
    this.close();
    if (!loaded.tlsReload || loaded.tlsFiles.length === 0) return;
    this.#watch = new TlsWatch({
      ...this.#parts.times,
      paths: loaded.tlsFiles,
      onChange: () => void this.#parts.swap((move) => this.#refresh(move)),
    });
  }

  close(): void {
    this.#watch?.close();
    this.#watch = null;
    this.#refused.clear();
  }

  async #refresh(move: (loaded: Loaded) => Promise<void>): Promise<void> {
    const current = this.#parts.current();
    if (current === null || this.#watch === null) return;
    try {
      const refreshed = await refresh(current, { compile: this.#parts.compile, read });
      if (refreshed.loaded !== null) await move(refreshed.loaded);
      this.#tell(current, refreshed);
    } catch (error) {
      const { message } = asSallyportError(error);
      if (this.#parts.current() === null) return;
      this.#parts.log('error', `TLS files have changed but could not be taken over: ${message}`);
      this.#parts.events.tlsReloadFailed([]);
    }
  }

  #tell(before: Loaded, { loaded, swapped, refused }: Refreshed): void {
    const news = refused.filter((one) => !this.#isKnown(one));
    this.#refused = new Map(refused.map((one) => [one.path, one]));
    for (const { path, content } of swapped) {
      this.#parts.log('notice', `TLS file "${path}" has changed and is in use: ${content}`);
    }
    if (loaded !== null) this.#warnOfNews(before, loaded);
    for (const one of news) this.#logRefusal(one);
    const failed = news.filter(({ forbidden }) => !forbidden);
    if (swapped.length > 0) this.#parts.events.tlsReloaded(swapped);
    if (failed.length > 0) {
      this.#parts.events.tlsReloadFailed(failed.map(({ path, reason }) => ({ path, reason })));
    }
  }

  #isKnown({ path, reason, bytes }: Refusal): boolean {
    const known = this.#refused.get(path);
    if (known === undefined || known.reason !== reason) return false;
    return bytes === null ? known.bytes === null : known.bytes?.equals(bytes) === true;
  }

  // A key that only root may read, once root was given up: nothing has gone wrong yet, but nothing
  // will be noticed either.
  #logRefusal({ path, reason, forbidden }: Refusal): void {
    if (forbidden) {
      this.#parts.log(
        'warn',
        `TLS file "${path}" cannot be watched: ${reason} as the user that this process runs as; ` +
          'a change of it needs a restart, unless it is made readable',
      );
      return;
    }
    this.#parts.log(
      'error',
      `TLS file "${path}" has changed and is refused, the last good one stays in use: ${reason}`,
    );
  }

  #warnOfNews(before: Loaded, after: Loaded): void {
    const known = new Set(before.diagnostics.map(diagnosticLine));
    for (const line of after.diagnostics.map(diagnosticLine)) {
      if (!known.has(line)) this.#parts.log('warn', line);
    }
  }
}

function read(path: string): Buffer | null {
  return statSync(path).isFile() ? readFileSync(path) : null;
}
