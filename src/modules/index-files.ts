// `index`: the files that stand for a folder. The first one that exists is looked up anew as a path
// of its own, so that the location for it answers.

import { posix } from 'node:path';
import type { Argument } from '../config/node.ts';
import { listDirective } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import { internalRedirect, locationOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { FileAccessOf } from './file-access.ts';
import { leadsUp } from './guarded-path.ts';
import type { FileAccess } from './opened-file.ts';

export const index = listDirective<readonly Argument[]>({
  name: 'index',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: {
    expects: 'file names',
    parse(node, help) {
      const empty = node.args.findIndex((one) => one.text === '');
      if (empty === -1) return node.args;
      const at = node.args[empty]?.at ?? node.at;
      help.error(at, `index "" in "index" directive is invalid`);
      return null;
    },
  },
  defaultText: 'index.html',
  help:
    'Files that stand for a folder, the first one that exists; a name that begins with "/", last ' +
    'of them, is taken without a look.',
  example: 'index index.html index.$arg_lang.html /fallback/;',
});

/** Serves one of the index files of a folder: HANDLED, a status, or null where there is none. */
export type ServeIndex = (x: Exchange, folder: string) => number | null;

/** @param accessOf - how files are looked at */
export function indexFiles(
  scope: Scope,
  accessOf: FileAccessOf,
  context: BuildContext,
): ServeIndex {
  const names = scope.get(index).flat();
  const templates = names.length === 0 ? [defaultName] : names.map((one) => context.template(one));
  return (x, folder) => serveIndex(x, folder, { templates, access: accessOf(x) });
}

const defaultName: Template = {
  source: 'index.html',
  constant: 'index.html',
  evaluate: () => 'index.html',
};

interface Lookup {
  readonly templates: readonly Template[];
  readonly access: FileAccess;
}

function serveIndex(x: Exchange, folder: string, { templates, access }: Lookup): number | null {
  let folderSeen = false;
  for (const template of templates) {
    const name = template.constant ?? template.evaluate(x);
    if (template.constant === null && leadsUp(name)) continue;
    if (name.startsWith('/')) {
      internalRedirect(x, name, x.args);
      return HANDLED;
    }
    const found = access.look(folder + name);
    if (typeof found !== 'string') {
      const uri = x.uri + name;
      // A ".." that the configuration wrote itself.
      internalRedirect(x, leadsUp(name) ? posix.normalize(uri) : uri, x.args);
      return HANDLED;
    }
    if (found === 'ELOOP' || found === 'EMLINK') return 403;
    if (found === 'ENOTDIR' || found === 'ENAMETOOLONG' || found === 'EACCES') {
      return missing(x, folder + name, found);
    }
    if (!folderSeen) {
      const verdict = testFolder(x, folder, access);
      if (verdict !== null) return verdict;
      folderSeen = true;
    }
    if (found === 'ENOENT') continue;
    logError(x, 'crit', `stat() "${folder + name}" failed (${found})`);
    return 500;
  }
  return null;
}

function testFolder(x: Exchange, folder: string, access: FileAccess): number | null {
  const found = access.look(folder);
  if (found === 'EACCES') return null;
  if (found === 'ENOENT') return missing(x, folder, found);
  if (typeof found !== 'string' && found.isDirectory()) return null;
  if (typeof found !== 'string') logError(x, 'alert', `"${folder}" is not a directory`);
  else logError(x, 'crit', `stat() "${folder}" failed (${found})`);
  return 500;
}

function missing(x: Exchange, path: string, problem: string): number {
  if (problem === 'EACCES') {
    logError(x, 'error', `"${path}" is forbidden (13: Permission denied)`);
    return 403;
  }
  if (problem !== 'ENOENT' || locationOf(x).client.logNotFound) {
    const why = problem === 'ENOENT' ? '2: No such file or directory' : problem;
    logError(x, 'error', `"${path}" is not found (${why})`);
  }
  return 404;
}
