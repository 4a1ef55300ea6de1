// `sub_filter`: replaces strings in responses.

import type { Argument } from '../config/node.ts';
import { directive, listDirective } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { custom, flag } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { BuildContext } from './build-context.ts';
import { weakenEtag } from './compression.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { ReplaceFilter } from './replace-filter.ts';
import { hideField } from './response-edits.ts';
import { hasType, typeList } from './type-list.ts';

interface Substitution {
  readonly wanted: Argument;
  readonly text: Argument;
}

const subFilter = listDirective<Substitution>({
  name: 'sub_filter',
  contexts: inHttpServerLocation,
  args: 2,
  value: custom('a string and its replacement', (node, help) => {
    const [wanted, text] = node.args;
    if (wanted === undefined || text === undefined) return null;
    if (wanted.text === '') {
      help.error(wanted.at, 'empty search pattern');
      return null;
    }
    return { wanted, text };
  }),
  help: 'Replaces a string in responses, whatever the case of its letters. Both may hold variables.',
  example: 'sub_filter "http://internal.example" "https://$host";',
});

const once = directive({
  name: 'sub_filter_once',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether each string is replaced once, or wherever it stands.',
  example: 'sub_filter_once off;',
});

const keepLastModified = directive({
  name: 'sub_filter_last_modified',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether Last-Modified, and a weak ETag, stay although the body is another one.',
  example: 'sub_filter_last_modified on;',
});

const types = listDirective<readonly string[]>({
  name: 'sub_filter_types',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: typeList,
  defaultText: 'text/html',
  help: 'MIME types to look in besides text/html; "*" for all.',
  example: 'sub_filter_types application/json;',
});

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const lines = scope.get(subFilter);
  if (lines.length === 0) return;
  const pairs = lines.map(({ wanted, text }) => ({
    wanted: context.template(wanted),
    text: context.template(text),
  }));
  const settings = {
    types: new Set(['text/html', ...scope.get(types).flat()]),
    once: scope.get(once),
    keep: scope.get(keepLastModified),
  };
  build.headerFilters.push((x) => {
    if (x.contentLength === 0 || !hasType(x, settings.types)) return;
    const replacements = pairs
      .map(({ wanted, text }) => ({ wanted: wanted.evaluate(x), text: text.evaluate(x) }))
      .filter(({ wanted }) => wanted !== '');
    if (replacements.length === 0) return;
    changeHead(x, settings.keep);
    if (x.method !== 'HEAD') x.addFilter(new ReplaceFilter(replacements, settings.once));
  });
}

function changeHead(x: Exchange, keep: boolean): void {
  x.contentLength = -1;
  x.allowRanges = false;
  hideField(x, 'accept-ranges');
  if (keep) {
    weakenEtag(x);
    return;
  }
  hideField(x, 'last-modified');
  hideField(x, 'etag');
}

export const subFilterModule: Module = {
  name: 'sub_filter',
  directives: [subFilter, once, keepLastModified, types],
  location,
};
