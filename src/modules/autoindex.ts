// `autoindex`: a listing of a folder that has no index file, as nginx writes it.

import fs from 'node:fs';
import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { choice, flag } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED } from '../exchange/handler.ts';
import { logError } from '../server/request-log.ts';
import { inHttpServerLocation } from './contexts.ts';
import { checksLinks, type FileAccessOf } from './file-access.ts';
import { folderListing, type FolderEntry, type ListingFormat } from './folder-listing.ts';
import type { FileAccess } from './opened-file.ts';

export const autoindex = directive({
  name: 'autoindex',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether a folder without an index file is listed. DANGER: names of files become public.',
  differs:
    'links that "disable_symlinks" refuses are left out, where nginx shows their names with the size ' +
    'and time of what they lead to',
  example: 'autoindex on;',
});

const autoindexFormat = directive<ListingFormat>({
  name: 'autoindex_format',
  contexts: inHttpServerLocation,
  args: 1,
  value: choice(['html', 'xml', 'json', 'jsonp'] as const),
  default: 'html',
  defaultText: 'html',
  help: 'How the listing is written. For jsonp, the argument "callback" names the function.',
  example: 'autoindex_format json;',
});

const autoindexExactSize = directive({
  name: 'autoindex_exact_size',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether sizes are shown in bytes, or rounded to K, M and G. For HTML.',
  example: 'autoindex_exact_size off;',
});

const autoindexLocaltime = directive({
  name: 'autoindex_localtime',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether times are local, or UTC. For HTML.',
  example: 'autoindex_localtime on;',
});

export const autoindexRows = [
  autoindex,
  autoindexFormat,
  autoindexExactSize,
  autoindexLocaltime,
] as const;

const contentTypes: Readonly<Record<ListingFormat, string>> = {
  html: 'text/html',
  xml: 'text/xml',
  json: 'application/json',
  jsonp: 'application/javascript',
};

/**
 * Makes the handler that lists a folder; null where `autoindex` is off.
 *
 * @param accessOf - how the files of the folder would be opened
 */
export function autoindexHandler(
  scope: Scope,
  accessOf: FileAccessOf,
): ((x: Exchange, path: string) => number) | null {
  if (!scope.get(autoindex)) return null;
  const checked = checksLinks(scope);
  const wanted = scope.get(autoindexFormat);
  const exactSize = scope.get(autoindexExactSize);
  const localTime = scope.get(autoindexLocaltime);
  return (x, path) => {
    const entries = readFolder(path, x, checked ? accessOf(x) : null);
    if (typeof entries === 'number') return entries;
    const callback = wanted === 'jsonp' ? callbackOf(x.args) : '';
    if (callback === null) {
      logError(x, 'info', 'client sent invalid callback name');
      return 400;
    }
    const format = wanted === 'jsonp' && callback === '' ? 'json' : wanted;
    const text = folderListing(entries, { format, uri: x.uri, callback, exactSize, localTime });
    x.status = x.fixedStatus === 0 ? 200 : x.fixedStatus;
    x.contentType = format === 'xml' ? 'text/xml; charset=utf-8' : contentTypes[format];
    x.client.sendHead(x, Buffer.from(text, 'latin1'), true);
    return HANDLED;
  };
}

// Null: what is no name of a function would be somebody else's script.
function callbackOf(args: string): string | null {
  const found = /(?:^|&)callback=([^&]*)/.exec(args)?.[1] ?? '';
  return /^[A-Za-z0-9_.]{0,128}$/.test(found) ? found : null;
}

// With `access` a folder or entry that it refuses is not shown.
function readFolder(path: string, x: Exchange, access: FileAccess | null): FolderEntry[] | number {
  const refusal = access?.look(path);
  if (refusal === 'ELOOP' || refusal === 'EMLINK') {
    logError(x, 'error', `opendir() "${path}" failed (${refusal})`);
    return 403;
  }
  let names: string[];
  try {
    names = fs.readdirSync(Buffer.from(path, 'latin1'), { encoding: 'latin1' });
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    logError(x, 'error', `opendir() "${path}" failed (${code})`);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return 404;
    return code === 'EACCES' ? 403 : 500;
  }
  const entries: FolderEntry[] = [];
  for (const name of names) {
    if (name.startsWith('.')) continue;
    const stat = statOf(`${path}/${name}`, access);
    if (stat !== null) entries.push({ name, ...stat });
  }
  return entries.sort(inOrder);
}

function statOf(path: string, access: FileAccess | null): Omit<FolderEntry, 'name'> | null {
  const stat = access === null ? followed(path) : access.look(path);
  if (stat === null || typeof stat === 'string') return null;
  const kind = stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'other';
  return { kind, size: stat.size, modified: stat.mtimeMs };
}

// A link that leads nowhere is listed as itself.
function followed(path: string): fs.Stats | null {
  const bytes = Buffer.from(path, 'latin1');
  try {
    return (
      fs.statSync(bytes, { throwIfNoEntry: false }) ??
      fs.lstatSync(bytes, { throwIfNoEntry: false }) ??
      null
    );
  } catch {
    return null;
  }
}

// Folders first, then by bytes.
function inOrder(a: FolderEntry, b: FolderEntry): number {
  const [first, second] = [a.kind === 'directory', b.kind === 'directory'];
  if (first !== second) return first ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
