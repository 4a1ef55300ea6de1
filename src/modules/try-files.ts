// `try_files`: the first file that exists becomes the path of the request; the last argument is
// where it goes otherwise.

import fs from 'node:fs';
import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, NEXT, type Handler } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import { internalRedirect, namedRedirect } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { inServerLocation } from './contexts.ts';
import { locationScope } from './implicit-location.ts';
import type { LocationBuild, Module } from './module.ts';
import { alias } from './static-files.ts';

interface TryFiles {
  readonly files: readonly Argument[];
  readonly last: Argument;
}

const value: ValueType<TryFiles> = {
  expects: 'files, and at the end a URI, @name or =STATUS',
  parse(node, help) {
    const files = [...node.args];
    const last = files.pop();
    if (last === undefined) return null;
    if (last.text.startsWith('=') && !isStatus(last.text.slice(1))) {
      help.error(last.at, `invalid code "${last.text}"`, 'a status from 0 to 999');
      return null;
    }
    return { files, last };
  },
};

function isStatus(text: string): boolean {
  return /^\d{1,3}$/.test(text);
}

export const tryFiles = directive<TryFiles | null>({
  name: 'try_files',
  contexts: inServerLocation,
  args: { min: 2, max: Infinity },
  value,
  default: null,
  inherits: false,
  help:
    'Looks for files in order, a name that ends with "/" for a folder, and serves the first that ' +
    'exists. With none, the last argument is an internal redirect, an @name or =STATUS.',
});

interface Candidate {
  readonly name: Template;
  readonly isFolder: boolean;
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const rule = scope.own(tryFiles);
  if (rule === null) return;
  const candidates = rule.files.map((file): Candidate => {
    const isFolder = file.text.endsWith('/');
    const text = isFolder ? file.text.slice(0, -1) : file.text;
    return { name: context.template({ ...file, text }), isFolder };
  });
  const folder = build.documentRoot;
  if (folder === null) return;
  const prefix = locationScope(scope).own(alias) === null ? null : build.name;
  const otherwise = fallback(rule.last, context);
  build.add('precontent', (x) => {
    for (const { name, isFolder } of candidates) {
      const uri = name.evaluate(x);
      if (!exists(folder(x) + withoutPrefix(uri, prefix), isFolder, x)) continue;
      x.uri = uri;
      return NEXT;
    }
    return otherwise(x);
  });
}

// With `alias` the folder stands for the location's name.
function withoutPrefix(uri: string, prefix: string | null): string {
  return prefix !== null && uri.startsWith(prefix) ? uri.slice(prefix.length) : uri;
}

function exists(path: string, isFolder: boolean, x: Exchange): boolean {
  if (path.includes('\0')) return false;
  try {
    const stat = fs.statSync(Buffer.from(path, 'latin1'), { throwIfNoEntry: false });
    return stat !== undefined && stat.isDirectory() === isFolder;
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    if (code !== 'ENOTDIR' && code !== 'ENAMETOOLONG') {
      logError(x, 'crit', `stat() "${path}" failed (${code})`);
    }
    return false;
  }
}

function fallback(last: Argument, context: BuildContext): Handler {
  if (last.text.startsWith('=')) {
    const status = Number(last.text.slice(1));
    return () => status;
  }
  const target = context.template(last);
  return (x) => {
    const uri = target.evaluate(x);
    const question = uri.indexOf('?');
    if (uri.startsWith('@')) namedRedirect(x, uri);
    else if (question === -1) internalRedirect(x, uri, '');
    else internalRedirect(x, uri.slice(0, question), uri.slice(question + 1));
    return HANDLED;
  };
}

export const tryFilesModule: Module = { name: 'try_files', directives: [tryFiles], location };
