// `root`, `alias`, `index`: plain files. The path is built from the decoded URI, which can't lead
// above the root; what is opened is checked to be a regular file.

import fs from 'node:fs';
import type { Argument, Position } from '../config/node.ts';
import { directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, type Handler } from '../exchange/handler.ts';
import { internalRedirect, locationOf, redirect } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import { escapePath } from '../server/uri.ts';
import { autoindexHandler, autoindexRows } from './autoindex.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation, inHttpServerLocationIf, inLocation } from './contexts.ts';
import { locationScope, ownOrAround } from './implicit-location.ts';
import { mimeTypeOf } from './mime-types.ts';
import type { LocationBuild, Module } from './module.ts';
import { fileSettings, sendFile, type FileSettings, type OpenFile } from './send-file.ts';
import { maxRanges } from './byte-ranges.ts';
import {
  precompressedRows,
  precompressedSettings,
  type PrecompressedSettings,
} from './precompressed.ts';
import { etag, ifModifiedSince } from './preconditions.ts';

const oneArgument: ValueType<Argument> = {
  expects: 'a path',
  parse: (node) => node.args[0] ?? null,
};

export const root = directive<Argument | null>({
  name: 'root',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: oneArgument,
  default: null,
  defaultText: 'html',
  help: 'Folder of files; the whole URI is added to it.',
});

export const alias = directive<Argument | null>({
  name: 'alias',
  contexts: inLocation,
  args: 1,
  value: oneArgument,
  default: null,
  inherits: false,
  help: 'Folder or file that stands for the prefix of the location.',
});

export const index = listDirective<readonly Argument[]>({
  name: 'index',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: { expects: 'file names', parse: (node) => node.args },
  defaultText: 'index.html',
  help: 'Files that stand for a folder, the first one that exists.',
});

type PathOf = (x: Exchange) => string;

function absolute(path: string, context: BuildContext): string {
  return path.startsWith('/') ? path : context.prefix + path;
}

function folderTemplate(argument: Argument, context: BuildContext): PathOf {
  const template = context.template(argument);
  if (template.constant !== null) {
    const fixed = absolute(template.constant, context).replace(/\/+$/, '');
    return () => fixed;
  }
  return (x) => absolute(template.evaluate(x), context).replace(/\/+$/, '');
}

interface Paths {
  readonly root: PathOf;
  readonly file: PathOf;
}

function pathsOf(scope: Scope, name: string, context: BuildContext): Paths {
  const given = ownOrAround(scope, alias);
  if (given !== null && scope.own(root) !== null) {
    const [later, earlier] = isAfter(scope.at(root), scope.at(alias))
      ? ['root', 'alias']
      : ['alias', 'root'];
    context.error(
      scope.at(later === 'root' ? root : alias),
      `"${later}" directive is duplicate, "${earlier}" directive was specified earlier`,
    );
  }
  if (given !== null) return aliasPaths(given, scope, name, context);
  const at = scope.get(root);
  const folder = at === null ? (): string => `${context.prefix}html` : folderTemplate(at, context);
  return { root: folder, file: (x) => folder(x) + x.uri };
}

function isAfter(a: Position | null, b: Position | null): boolean {
  if (a === null || b === null) return false;
  return a.line > b.line || (a.line === b.line && a.column > b.column);
}

function aliasPaths(given: Argument, scope: Scope, name: string, context: BuildContext): Paths {
  const template = context.template(given);
  const base: PathOf = (x) => absolute(template.evaluate(x), context);
  const modifier = locationScope(scope).node?.args[0]?.text ?? '';
  // In a regex location the alias is the whole path, captures included.
  if (modifier.startsWith('~')) return { root: base, file: base };
  return {
    root: base,
    file: (x) => {
      const rest = x.uri.slice(name.length);
      const path = base(x);
      // "location /a { alias /data/a; }" must not turn "/a../x" into "/data/a../x" (traversal).
      if (rest.startsWith('..')) return `${path}/\0`;
      return path + rest;
    },
  };
}

function contentHandler(scope: Scope, paths: Paths, context: BuildContext): Handler {
  const type = mimeTypeOf(scope);
  const settings = fileSettings(scope);
  const listing = autoindexHandler(scope);
  const packed = precompressedSettings(scope, context);
  const names = scope.get(index).flat();
  const indexes = names.length === 0 ? ['index.html'] : names.map((one) => one.text);
  if (names.some((one) => one.text.includes('$'))) {
    context.error(scope.at(index), 'variables in "index" are not supported');
  }
  return (x) => {
    // A POST learns first whether there is a file at all.
    if (x.method !== 'GET' && x.method !== 'HEAD' && x.method !== 'POST') return 405;
    const path = paths.file(x);
    if (path.includes('\0')) return 404;
    if (x.uri.endsWith('/')) {
      const found = serveIndex(x, path, indexes);
      if (found !== null) return found;
      return listing === null || x.method === 'POST' ? refuseFolder(x, path) : listing(x, path);
    }
    if (packed !== null && x.method !== 'POST') {
      const sent = servePacked(x, path, { type, settings, packed });
      if (sent !== null) return sent;
    }
    return serveFile(x, path, type, settings);
  };
}

// Null: there is none.
function serveIndex(x: Exchange, path: string, indexes: readonly string[]): number | null {
  for (const name of indexes) {
    if (!isFile(path + name)) continue;
    internalRedirect(x, x.uri + name, x.args);
    return HANDLED;
  }
  return null;
}

function refuseFolder(x: Exchange, path: string): number {
  if (!fs.existsSync(Buffer.from(path, 'latin1'))) {
    notFound(x, path, 'ENOENT');
    return 404;
  }
  logError(x, 'error', `directory index of "${path}" is forbidden`);
  return 403;
}

function isFile(path: string): boolean {
  return fs.statSync(Buffer.from(path, 'latin1'), { throwIfNoEntry: false })?.isFile() === true;
}

function notFound(x: Exchange, path: string, why: string): void {
  if (!locationOf(x).client.logNotFound) return;
  const text = why === 'ENOENT' ? '2: No such file or directory' : why;
  logError(x, 'error', `open() "${path}" failed (${text})`);
}

interface PackedFile {
  readonly type: (path: string) => string;
  readonly settings: FileSettings;
  readonly packed: PrecompressedSettings;
}

// Null: there is no compressed form that the client takes. That there is one decides about Vary.
function servePacked(x: Exchange, path: string, { type, settings, packed }: PackedFile) {
  let varies = false;
  for (const form of packed.forms) {
    const takes = packed.mayHave(x, form);
    if (!takes && !packed.vary) continue;
    const open = openFile(path + form.suffix);
    if (typeof open === 'string') continue;
    if (packed.vary && !varies) x.fields.add('Vary', 'Accept-Encoding');
    varies = true;
    if (takes && open.stat.isFile()) {
      x.contentType = type(x.uri) || null;
      x.fields.add('Content-Encoding', form.token);
      return sendFile(x, { ...open, whole: true }, settings);
    }
    fs.closeSync(open.file);
  }
  return null;
}

/** A file, or the name of the error. */
function openFile(path: string): OpenFile | string {
  try {
    // O_NONBLOCK: opening a FIFO must not block the worker.
    const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;
    const file = fs.openSync(Buffer.from(path, 'latin1'), flags);
    return { file, stat: fs.fstatSync(file) };
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? 'EIO';
  }
}

function serveFile(
  x: Exchange,
  path: string,
  type: (path: string) => string,
  settings: FileSettings,
): number {
  const open = openFile(path);
  if (typeof open === 'string') {
    notFound(x, path, open);
    return open === 'EACCES' || open === 'EPERM' ? 403 : 404;
  }
  const { file, stat } = open;
  if (stat.isDirectory()) {
    fs.closeSync(file);
    const query = x.args === '' ? '' : `?${x.args}`;
    redirect(x, 301, `${escapePath(x.uri)}/${query}`);
    return HANDLED;
  }
  if (!stat.isFile()) {
    fs.closeSync(file);
    return 404;
  }
  if (x.method === 'POST') {
    fs.closeSync(file);
    return 405;
  }
  x.contentType = type(x.uri) || null;
  return sendFile(x, open, settings);
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const paths = pathsOf(scope, build.name, context);
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
    etag,
    ifModifiedSince,
    maxRanges,
  ],
  location,
};
