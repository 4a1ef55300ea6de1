// `charset`: names the charset of text in Content-Type.

import { directive, listDirective } from '../config/row.ts';
import type { Argument } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import { flag } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation, inHttpServerLocationIf } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { hasType, typeList } from './type-list.ts';

const charset = directive<Argument | null>({
  name: 'charset',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: { expects: 'a charset, or off', parse: (node) => node.args[0] ?? null },
  default: null,
  defaultText: 'off',
  help: 'Added to the Content-Type of text where it names none. Nothing is converted.',
  example: 'charset utf-8;',
});

const overrideCharset = directive({
  name: 'override_charset',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether a charset that an upstream response names is replaced.',
  example: 'override_charset on;',
});

const charsetTypes = listDirective<readonly string[]>({
  name: 'charset_types',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: typeList,
  defaultText:
    'text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml',
  help: 'MIME types that charset is for besides text/html; "*" for all.',
  example: 'charset_types text/css application/json;',
});

const usualTypes = [
  'text/xml',
  'text/plain',
  'text/vnd.wap.wml',
  'application/javascript',
  'application/rss+xml',
];

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const given = scope.get(charset);
  if (given === null || given.text === 'off') return;
  const name = context.template(given);
  const listed = scope.get(charsetTypes).flat();
  const types = new Set(['text/html', ...(listed.length === 0 ? usualTypes : listed)]);
  const overrides = scope.get(overrideCharset);
  build.headerFilters.push((x) => addCharset(x, name.evaluate(x), { types, overrides }));
}

function addCharset(
  x: Exchange,
  name: string,
  { types, overrides }: { readonly types: ReadonlySet<string>; readonly overrides: boolean },
): void {
  const { contentType } = x;
  if (name === '' || contentType === null || !hasType(x, types)) return;
  if (x.status === 301 || x.status === 302) return;
  const named = /;\s*charset=/i.test(contentType);
  if (named && !(overrides && x.upstreamHead !== null)) return;
  const type = named ? contentType.replace(/;\s*charset=("[^"]*"|[^;\s]*)/i, '') : contentType;
  x.contentType = `${type}; charset=${name}`;
}

export const charsetModule: Module = {
  name: 'charset',
  directives: [charset, overrideCharset, charsetTypes],
  location,
};
