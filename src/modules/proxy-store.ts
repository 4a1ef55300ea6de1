// `proxy_store`: keeps a copy of each response as a file.

import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { StoreSettings } from '../forward/proxy-settings.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { guardedPath } from './guarded-path.ts';
import { responseFolder } from './proxy-temp.ts';

export const proxyStore = directive<Argument | null>({
  name: 'proxy_store',
  contexts: inHttpServerLocation,
  args: 1,
  value: { expects: '"on", "off" or a path with variables', parse: (node) => node.args[0] ?? null },
  default: null,
  defaultText: 'off',
  help:
    'Stores each complete response with status 200 as a file: "on" where root or alias say, else ' +
    'under the path given. Its time is that of Last-Modified. Not with proxy_buffering off.',
  differs: 'a relative path belongs to the prefix',
  example: 'proxy_store /data/www$uri;',
});

const shifts: Readonly<Record<string, number>> = { user: 6, group: 3, all: 0 };
const rights: Readonly<Record<string, number>> = { r: 4, rw: 6 };

const accessValue: ValueType<number> = {
  expects: 'user:, group: or all: with r or rw',
  parse(node, help) {
    let mode = 0;
    let user = 0o600;
    for (const { text, at } of node.args) {
      const [who = '', what = ''] = text.split(/:(.*)/s);
      const shift = shifts[who];
      const right = rights[what];
      if (shift === undefined || right === undefined) {
        help.error(at, `invalid value "${text}"`, `expected ${accessValue.expects}`);
        return null;
      }
      if (who === 'user') user = 0;
      mode |= right << shift;
    }
    return mode | user;
  },
};

export const proxyStoreAccess = directive({
  name: 'proxy_store_access',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 3 },
  value: accessValue,
  default: 0o600,
  defaultText: 'user:rw',
  help: 'Who may read and write stored files, and search the folders that are made for them.',
  example: 'proxy_store_access user:rw group:rw all:r;',
});

/** Null: nothing is stored. */
export function compileStore(scope: Scope, context: BuildContext): StoreSettings | null {
  const given = scope.get(proxyStore);
  if (given === null || given.text === 'off') return null;
  const fileMode = scope.get(proxyStoreAccess);
  const stored = given.text === 'on' ? null : guardedPath(context.template(given), context);
  return {
    path: (x) => {
      if (stored === null) return x.location?.requestFilename?.(x) ?? '';
      const path = stored(x);
      return path === '' || path.startsWith('/') ? path : context.prefix + path;
    },
    folder: responseFolder(scope, context),
    fileMode,
    // Who may read may also search.
    folderMode: fileMode | ((fileMode & 0o444) >> 2),
  };
}
