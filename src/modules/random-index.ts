// `random_index`: any of a folder's files stands for the folder, before `index` is asked.

import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import { describeErrorCode } from '../base/system-error.ts';
import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { flag } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED } from '../exchange/handler.ts';
import { internalRedirect } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { inLocation } from './contexts.ts';
import { checksLinks, type FileAccessOf } from './file-access.ts';
import type { ServeIndex } from './index-files.ts';
import { codeOf, type FileAccess } from './opened-file.ts';

export const randomIndex = directive({
  name: 'random_index',
  contexts: inLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether a request for a folder gets one of its files at random; hidden ones are left out.',
  example: 'random_index on;',
});

/**
 * Null where it is off.
 *
 * @param accessOf - how the files of the folder would be opened
 */
export function randomIndexFiles(scope: Scope, accessOf: FileAccessOf): ServeIndex | null {
  if (!scope.get(randomIndex)) return null;
  if (!checksLinks(scope)) return (x, folder) => serveAnyFile(x, folder, null);
  return (x, folder) => serveAnyFile(x, folder, accessOf(x));
}

// With `access`, only of those files that it does not refuse.
function serveAnyFile(x: Exchange, folder: string, access: FileAccess | null): number | null {
  let entries: fs.Dirent<Buffer>[];
  try {
    const options = { withFileTypes: true, encoding: 'buffer' } as const;
    entries = fs.readdirSync(Buffer.from(folder, 'latin1'), options);
  } catch (thrown) {
    return refuse(x, folder, codeOf(thrown));
  }
  const files = entries
    .filter((entry) => isFile(entry, folder, access))
    .map((entry) => entry.name.toString('latin1'));
  const name = files.length === 0 ? undefined : files[randomInt(files.length)];
  if (name === undefined) return null;
  internalRedirect(x, x.uri + name, x.args);
  return HANDLED;
}

function isFile(entry: fs.Dirent<Buffer>, folder: string, access: FileAccess | null): boolean {
  const name = entry.name.toString('latin1');
  if (name.startsWith('.')) return false;
  if (!entry.isSymbolicLink()) return entry.isFile();
  if (access !== null) {
    const found = access.look(`${folder}/${name}`);
    return typeof found !== 'string' && found.isFile();
  }
  const path = Buffer.from(`${folder}/${name}`, 'latin1');
  return fs.statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function refuse(x: Exchange, folder: string, problem: string): number {
  logError(x, 'error', `opendir() "${folder}" failed (${describeErrorCode(problem)})`);
  if (problem === 'ENOENT' || problem === 'ENOTDIR' || problem === 'ENAMETOOLONG') return 404;
  return problem === 'EACCES' ? 403 : 500;
}
