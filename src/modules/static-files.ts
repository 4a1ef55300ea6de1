// The content of a location that nothing else gives: plain files. What is opened is checked to be a
// regular file.

import fs from 'node:fs';
import { describeErrorCode } from '../base/system-error.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, type Handler } from '../exchange/handler.ts';
import { locationOf, redirect } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { escapePath } from '../server/uri.ts';
import { autoindexHandler, autoindexRows } from './autoindex.ts';
import type { BuildContext } from './build-context.ts';
import { addVary } from './compression.ts';
import { fileAccess, fileAccessRows, type FileAccessOf } from './file-access.ts';
import { alias, filePaths, refuseRewritten, root, type FilePaths } from './file-paths.ts';
import { index, indexFiles } from './index-files.ts';
import { mimeTypeOf } from './mime-types.ts';
import type { LocationBuild, Module } from './module.ts';
import { randomIndex, randomIndexFiles } from './random-index.ts';
import { fileSettings, sendFile, type FileSettings } from './send-file.ts';
import { maxRanges } from './byte-ranges.ts';
import {
  precompressedRows,
  precompressedSettings,
  type PrecompressedSettings,
} from './precompressed.ts';
import { etag, ifModifiedSince } from './preconditions.ts';

/** What the answers of a location are made with. */
interface FileService {
  readonly type: (path: string) => string;
  readonly settings: FileSettings;
  readonly packed: PrecompressedSettings | null;
  readonly accessOf: FileAccessOf;
}

function contentHandler(scope: Scope, paths: FilePaths, context: BuildContext): Handler {
  const accessOf = fileAccess(scope, context);
  const service: FileService = {
    type: mimeTypeOf(scope),
    settings: fileSettings(scope),
    packed: precompressedSettings(scope, context),
    accessOf,
  };
  const serveFolder = folderHandler(scope, accessOf, context);
  return (x) => {
    // A POST learns first whether there is a file at all.
    if (x.method !== 'GET' && x.method !== 'HEAD' && x.method !== 'POST') return 405;
    if (!x.locationValid && paths.alias !== null) return refuseRewritten(x);
    const path = paths.file(x);
    if (path.includes('\0')) return 404;
    if (x.uri.endsWith('/')) return serveFolder(x, path);
    return servePacked(x, path, service) ?? serveFile(x, path, service);
  };
}

// In nginx's order: random_index, index, autoindex.
function folderHandler(scope: Scope, accessOf: FileAccessOf, context: BuildContext) {
  const serveAny = randomIndexFiles(scope, accessOf);
  const serveIndex = indexFiles(scope, accessOf, context);
  const listing = autoindexHandler(scope, accessOf);
  return (x: Exchange, path: string): number => {
    const found = serveAny?.(x, path) ?? serveIndex(x, path);
    if (found !== null) return found;
    return listing === null || x.method === 'POST' ? refuseFolder(x, path) : listing(x, path);
  };
}

function refuseFolder(x: Exchange, path: string): number {
  if (!fs.existsSync(Buffer.from(path, 'latin1'))) {
    if (locationOf(x).client.logNotFound) logError(x, 'error', failedOpen(path, 'ENOENT'));
    return 404;
  }
  logError(x, 'error', `directory index of "${path}" is forbidden`);
  return 403;
}

// Null: there is no compressed form that the client takes. That there is one decides about Vary.
function servePacked(x: Exchange, path: string, service: FileService): number | null {
  const { packed, type, settings } = service;
  if (packed === null || x.method === 'POST') return null;
  for (const form of packed.forms) {
    const takes = packed.mayHave(x, form);
    if (!takes && !packed.vary) continue;
    const open = service.accessOf(x).open(path + form.suffix);
    if (typeof open === 'string') continue;
    // With "always" every client gets the same.
    if (packed.vary && !form.always) addVary(x);
    if (takes && open.stat.isFile()) {
      x.contentType ??= type(x.uri) || null;
      x.fields.add('Content-Encoding', form.token);
      return sendFile(x, open, { ...settings, whole: true });
    }
    open.close();
  }
  return null;
}

function serveFile(x: Exchange, path: string, service: FileService): number {
  const open = service.accessOf(x).open(path);
  if (typeof open === 'string') return refuseFile(x, path, open);
  const { stat } = open;
  if (stat.isFile() && x.method !== 'POST') {
    // X-Accel-Redirect may have brought one along.
    x.contentType ??= service.type(x.uri) || null;
    return sendFile(x, open, service.settings);
  }
  open.close();
  if (stat.isDirectory()) {
    const query = x.args === '' ? '' : `?${x.args}`;
    redirect(x, 301, `${escapePath(x.uri)}/${query}`);
    return HANDLED;
  }
  if (stat.isFile()) return 405;
  logError(x, 'crit', `"${path}" is not a regular file`);
  return 404;
}

function refuseFile(x: Exchange, path: string, problem: string): number {
  switch (problem) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      if (locationOf(x).client.logNotFound) logError(x, 'error', failedOpen(path, problem));
      return 404;
    case 'EACCES':
    case 'EMLINK':
    case 'ELOOP':
      logError(x, 'error', failedOpen(path, problem));
      return 403;
    // A device or socket that nobody serves.
    case 'ENXIO':
      logError(x, 'crit', failedOpen(path, problem));
      return 404;
    default:
      logError(x, 'crit', failedOpen(path, problem));
      return 500;
  }
}

function failedOpen(path: string, problem: string): string {
  return `open() "${path}" failed (${describeErrorCode(problem)})`;
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const paths = filePaths(scope, context);
  build.documentRoot = paths.root;
  build.requestFilename = paths.file;
  build.add('content', contentHandler(scope, paths, context));
}

export const staticFilesModule: Module = {
  name: 'static files',
  directives: [
    ...autoindexRows,
    ...precompressedRows,
    root,
    alias,
    index,
    randomIndex,
    ...fileAccessRows,
    etag,
    ifModifiedSince,
    maxRanges,
  ],
  location,
};
