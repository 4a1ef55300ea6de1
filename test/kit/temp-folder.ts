// A folder for one test's files: made at once, removed when the test is over.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';

/** Makes an empty folder; gives its absolute path. It goes away with everything in it. */
export function tempFolder(scope?: Scope): string {
  const folder = makeTempFolder();
  atEnd(scope, () => removeFolder(folder));
  return folder;
}

/** Like `tempFolder`, but removing it is the caller's: for what outlives a single test file. */
export function makeTempFolder(): string {
  return mkdtempSync(join(tmpdir(), 'sallyport-test-'));
}

/** Removes a folder and everything in it. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Writes `text` as `name` into `folder`; gives the absolute path. */
export function writeIn(folder: string, name: string, text: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
