// `open_file_cache` and `disable_symlinks`: how the files of a location are opened and looked at.

import type { Argument, DirectiveNode } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { flag, number, parseNumber, seconds } from '../config/value-types.ts';
import { parseSeconds } from '../base/duration.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { BuildContext } from './build-context.ts';
import { CheckedAccess, type RefusedLinks } from './checked-links.ts';
import { inHttpServerLocation } from './contexts.ts';
import { FileCache } from './file-cache.ts';
import { plainAccess, type FileAccess } from './opened-file.ts';

interface CacheSize {
  readonly max: number;
  /** Seconds. */
  readonly inactive: number;
}

const cacheSize: ValueType<CacheSize | 'off'> = {
  expects: 'off, or max= and perhaps inactive=',
  parse(node, help) {
    let max = 0;
    let inactive: number | null = 60;
    for (const { text, at } of node.args) {
      if (text === 'off') return 'off';
      const [, key, value = ''] = /^(max|inactive)=(.*)$/.exec(text) ?? [];
      if (key === 'max') max = parseNumber(value) ?? 0;
      else if (key === 'inactive') inactive = parseSeconds(value);
      if (key === undefined || inactive === null || (key === 'max' && max === 0)) {
        help.error(at, `invalid "open_file_cache" parameter "${text}"`);
        return null;
      }
    }
    if (max > 0) return { max, inactive };
    help.error(node.at, '"open_file_cache" must have the "max" parameter');
    return null;
  },
};

export const openFileCache = directive<CacheSize | 'off'>({
  name: 'open_file_cache',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: cacheSize,
  default: 'off',
  defaultText: 'off',
  help:
    'Keeps files open, and what is known of files, folders and missing ones: max=N of them in each ' +
    'worker; what nobody asks for in inactive=TIME (60s) is dropped.',
  example: 'open_file_cache max=1000 inactive=20s;',
});

const openFileCacheValid = directive({
  name: 'open_file_cache_valid',
  contexts: inHttpServerLocation,
  args: 1,
  value: seconds,
  default: 60,
  defaultText: '60s',
  help: 'How long the cache of files is believed; then the file is looked at again.',
  example: 'open_file_cache_valid 30s;',
});

const openFileCacheMinUses = directive({
  name: 'open_file_cache_min_uses',
  contexts: inHttpServerLocation,
  args: 1,
  value: number(),
  default: 1,
  defaultText: '1',
  help: 'How often a file has to be asked for until it is kept open.',
  example: 'open_file_cache_min_uses 2;',
});

const openFileCacheErrors = directive({
  name: 'open_file_cache_errors',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether the cache also keeps that a file is missing or must not be read.',
  example: 'open_file_cache_errors on;',
});

interface Links {
  readonly refused: RefusedLinks;
  readonly from: Argument | null;
}

const links: ValueType<Links | 'off'> = {
  expects: 'on, off or if_not_owner, and perhaps from=',
  parse(node, help) {
    let mode: RefusedLinks | 'off' | null = null;
    let from: Argument | null = null;
    for (const argument of node.args) {
      const { text, at } = argument;
      if (text === 'on' || text === 'off' || text === 'if_not_owner') {
        if (mode !== null) {
          help.error(at, `duplicate parameters "${mode} ${text}"`);
          return null;
        }
        mode = text;
      } else if (text.startsWith('from=')) from = { ...argument, text: text.slice('from='.length) };
      else {
        help.error(at, `invalid parameter "${text}"`);
        return null;
      }
    }
    if (mode !== null) return mode === 'off' ? mode : { refused: mode, from };
    help.error(node.at, '"disable_symlinks" must have "off", "on" or "if_not_owner" parameter');
    return null;
  },
};

export const disableSymlinks = directive<Links | 'off'>({
  name: 'disable_symlinks',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: links,
  default: 'off',
  defaultText: 'off',
  help:
    'Whether symbolic links in the path of a file are refused with 403: all, or those whose owner ' +
    'is another one than that of what they lead to; "from=" says where in the path to begin.',
  differs:
    'where there is no /proc the components of a path are looked at before and after the file is ' +
    'opened, which somebody with write access to these folders might get around',
  example: 'disable_symlinks if_not_owner from=$document_root;',
});

export const fileAccessRows = [
  openFileCache,
  openFileCacheValid,
  openFileCacheMinUses,
  openFileCacheErrors,
  disableSymlinks,
] as const;

/** How files are opened for a request. */
export type FileAccessOf = (x: Exchange) => FileAccess;

/** Are there symbolic links that are refused? */
export function checksLinks(scope: Scope): boolean {
  return scope.get(disableSymlinks) !== 'off';
}

/** Decides it for a location. */
export function fileAccess(scope: Scope, context: BuildContext): FileAccessOf {
  const cached = cacheOf(scope, context);
  const refusal = scope.get(disableSymlinks);
  if (refusal === 'off') {
    const access = cached(plainAccess, '');
    return () => access;
  }
  const { refused, from } = refusal;
  const checked = (start: string): FileAccess =>
    cached(new CheckedAccess(refused, start), `${refused} ${start}\0`);
  const template = from === null ? null : context.template(from);
  if (template !== null && template.constant === null) return (x) => checked(template.evaluate(x));
  const access = checked(template?.constant ?? '');
  return () => access;
}

// By the directive that they are of; these are made anew with every configuration.
const caches = new WeakMap<DirectiveNode, FileCache>();

function cacheOf(
  scope: Scope,
  context: BuildContext,
): (files: FileAccess, prefix: string) => FileAccess {
  const size = scope.get(openFileCache);
  const node = scope.nodes(openFileCache).at(-1);
  if (size === 'off' || node === undefined) return (files) => files;
  let cache = caches.get(node);
  if (cache === undefined) {
    const made = new FileCache(size.max, size.inactive * 1000);
    caches.set(node, made);
    context.disposers.push(() => made.close());
    cache = made;
  }
  const found = cache;
  const settings = {
    valid: scope.get(openFileCacheValid) * 1000,
    minUses: scope.get(openFileCacheMinUses),
    errors: scope.get(openFileCacheErrors),
  };
  return (files, prefix) => found.access({ settings, files, prefix });
}
