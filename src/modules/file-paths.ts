// `root` and `alias`: from a request to the path of a file. The path is built from the decoded URI,
// which can't lead above the root.

import type { Argument, Position } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { toByteString } from '../exchange/template.ts';
import { locationOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocationIf, inLocation } from './contexts.ts';
import { guardedPath, joined } from './guarded-path.ts';

const oneArgument: ValueType<Argument> = {
  expects: 'a path',
  parse: (node) => node.args[0] ?? null,
};

const noWayUp =
  'a ".." that a variable, a rewrite or try_files brings into the path is answered with 404; the ' +
  'value itself may have one';

export const root = directive<Argument | null>({
  name: 'root',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: oneArgument,
  default: null,
  defaultText: 'html',
  help: 'Folder of files; the whole URI is added to it.',
  differs: noWayUp,
  example: 'root /var/www/example.org;',
});

export const alias = directive<Argument | null>({
  name: 'alias',
  contexts: inLocation,
  args: 1,
  value: oneArgument,
  default: null,
  inherits: false,
  help:
    'Folder or file that stands for the prefix of the location, also in locations inside of it. ' +
    'Where the location is a regular expression it is the whole path.',
  differs: noWayUp,
  example: 'alias /data/images/;',
});

type PathOf = (x: Exchange) => string;

/** What an alias stands for: so many bytes of the path, or all of it below a regular expression. */
export type AliasReach = number | 'pattern';

/** Where the files of a location are. */
export interface FilePaths {
  readonly root: PathOf;
  readonly file: PathOf;
  /** Null: it is a `root`. */
  readonly alias: AliasReach | null;
}

/** The paths of a location; a `root` stands for an alias further out, and the other way round. */
export function filePaths(scope: Scope, context: BuildContext): FilePaths {
  reportBoth(scope, context);
  for (let level: Scope | null = scope; level !== null; level = level.parent) {
    if (level.own(root) !== null) break;
    const given = level.own(alias);
    if (given !== null) return aliasPaths(given, level, context);
  }
  const at = scope.get(root);
  const folder = at === null ? (): string => `${context.prefix}html` : folderOf(at, context);
  return { root: folder, file: (x) => joined(x, folder(x), x.uri), alias: null };
}

/** The location's name is no longer what the path begins with: nothing for the alias to replace. */
export function refuseRewritten(x: Exchange): number {
  const { name } = locationOf(x);
  logError(x, 'alert', `"alias" cannot be used in location "${name}" where URI was rewritten`);
  return 500;
}

function reportBoth(scope: Scope, context: BuildContext): void {
  if (scope.own(alias) === null || scope.own(root) === null) return;
  const [later, earlier] = isAfter(scope.at(root), scope.at(alias)) ? [root, alias] : [alias, root];
  context.error(
    scope.at(later),
    `"${later.name}" directive is duplicate, "${earlier.name}" directive was specified earlier`,
  );
}

function isAfter(a: Position | null, b: Position | null): boolean {
  if (a === null || b === null) return false;
  return a.line > b.line || (a.line === b.line && a.column > b.column);
}

function absolute(path: string, context: BuildContext): string {
  return path.startsWith('/') ? path : context.prefix + path;
}

function folderOf(argument: Argument, context: BuildContext): PathOf {
  const template = context.template(argument);
  if (template.constant !== null) {
    const fixed = absolute(template.constant, context).replace(/\/+$/, '');
    return () => fixed;
  }
  const path = guardedPath(template, context);
  return (x) => absolute(path(x), context).replace(/\/+$/, '');
}

function aliasPaths(given: Argument, level: Scope, context: BuildContext): FilePaths {
  const template = context.template(given);
  const path = guardedPath(template, context);
  const base: PathOf = (x) => absolute(path(x), context);
  const reach = reachOf(level);
  if (reach === 'pattern') {
    const file: PathOf = (x) => (x.addsUriToAlias ? joined(x, base(x), x.uri) : base(x));
    return { root: base, file, alias: reach };
  }
  // "location /a { alias /data/; }" must not turn "/a../x" into "/data/../x".
  const file: PathOf = (x) => joined(x, base(x), x.uri.slice(reach));
  return { root: base, file, alias: reach };
}

function reachOf(level: Scope): AliasReach {
  const args = level.node?.args ?? [];
  const [first, second] = args;
  if (first?.text.startsWith('~') === true) return 'pattern';
  const name = second?.text ?? first?.text.replace(/^(=|\^~)/, '') ?? '';
  return toByteString(name).length;
}
