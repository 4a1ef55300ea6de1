// `try_files`: the first file that exists becomes the path of the request; the last argument is
// where it goes otherwise.

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
import { fileAccess } from './file-access.ts';
import { filePaths, refuseRewritten, type AliasReach } from './file-paths.ts';
import { leadsUp } from './guarded-path.ts';
import type { LocationBuild, Module } from './module.ts';
import type { FileAccess } from './opened-file.ts';

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
  example: 'try_files $uri $uri/ /index.html;',
});

interface Candidate {
  readonly name: Template;
  readonly isFolder: boolean;
}

type Below = AliasReach | null;

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const rule = scope.own(tryFiles);
  if (rule === null) return;
  const candidates = rule.files.map((file): Candidate => {
    const isFolder = file.text.endsWith('/');
    const text = isFolder ? file.text.slice(0, -1) : file.text;
    return { name: context.template({ ...file, text }), isFolder };
  });
  const { root: folder, alias: below } = filePaths(scope, context);
  const accessOf = fileAccess(scope, context);
  const otherwise = fallback(rule.last, below, context);
  build.add('precontent', (x) => {
    if (below !== null && !x.locationValid) return refuseRewritten(x);
    const access = accessOf(x);
    for (const { name, isFolder } of candidates) {
      const found = nameBelow(x, name, below);
      // It would be refused as a file, and whether it is there is nobody's business.
      if (leadsUp(found) || !exists(x, folder(x) + found, isFolder, access)) continue;
      if (below === null) x.uri = found;
      else if (below !== 'pattern') x.uri = x.uri.slice(0, below) + found;
      else if (!isFolder) {
        x.uri = found;
        x.addsUriToAlias = true;
      }
      return NEXT;
    }
    return otherwise(x);
  });
}

// With `alias` the folder stands for the location's name: names that begin with it lose it. As in
// nginx only those with variables do, the last argument of the directive among them.
function nameBelow(x: Exchange, name: Template, below: Below): string {
  const text = name.evaluate(x);
  if (typeof below !== 'number' || name.constant !== null) return text;
  return text.startsWith(x.uri.slice(0, below)) ? text.slice(below) : text;
}

function exists(x: Exchange, path: string, isFolder: boolean, access: FileAccess): boolean {
  const found = access.look(path);
  if (typeof found !== 'string') return found.isDirectory() === isFolder;
  if (found !== 'ENOENT' && found !== 'ENOTDIR' && found !== 'ENAMETOOLONG') {
    logError(x, 'crit', `stat() "${path}" failed (${found})`);
  }
  return false;
}

function fallback(last: Argument, below: Below, context: BuildContext): Handler {
  if (last.text.startsWith('=')) {
    const status = Number(last.text.slice(1));
    return () => status;
  }
  const target = context.template(last);
  return (x) => {
    const uri = nameBelow(x, target, below);
    const question = uri.indexOf('?');
    if (uri.startsWith('@')) namedRedirect(x, uri);
    else if (question === -1) internalRedirect(x, uri, '');
    else internalRedirect(x, uri.slice(0, question), uri.slice(question + 1));
    return HANDLED;
  };
}

export const tryFilesModule: Module = { name: 'try_files', directives: [tryFiles], location };
