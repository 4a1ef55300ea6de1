// Writes mended texts in the place of the files: each one whole or not at all, with mode and owner as
// they were, and only where the file is still what was read.

import {
  chownSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { SallyportError } from '../base/errors.ts';
import type { FixedFile } from './fix.ts';

/**
 * Writes the files. All are checked before the first is written.
 *
 * @throws SallyportError (CONFIG_INVALID) where a file has changed since, or is not UTF-8; or the
 *   error of `node:fs` where one cannot be written
 */
export function writeFixedFiles(files: readonly FixedFile[]): void {
  const targets = files.map((file) => ({ ...file, path: realpathSync(file.path) }));
  for (const { path: target, before } of targets) {
    if (readFileSync(target).equals(Buffer.from(before))) continue;
    throw new SallyportError(
      'CONFIG_INVALID',
      `${target} is not UTF-8, or has changed since it was read: nothing was written`,
    );
  }
  for (const { path: target, after } of targets) replaceFile(target, after);
}

// A reader sees the old text or the new one; a link keeps pointing to the file.
function replaceFile(target: string, text: string): void {
  const { mode, uid, gid } = statSync(target);
  const name = `.${path.basename(target)}.${randomBytes(6).toString('hex')}`;
  const beside = path.join(path.dirname(target), name);
  const fd = openSync(beside, 'wx', 0o600);
  try {
    let bytes = Buffer.from(text);
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(fd, bytes));
    if (process.getuid?.() === 0) chownSync(beside, uid, gid);
    fchmodSync(fd, mode & 0o7777);
    fsyncSync(fd);
    renameSync(beside, target);
  } catch (error) {
    unlinkSync(beside);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** What would be changed, as a unified diff that `patch -p1 -d /` takes; empty where nothing would. */
export function unifiedDiff(files: readonly FixedFile[]): string {
  return files
    .map(({ path: file, before, after }) => {
      const headers = { headerOptions: FILE_HEADERS_ONLY };
      return createTwoFilesPatch(file, file, before, after, undefined, undefined, headers);
    })
    .join('');
}
