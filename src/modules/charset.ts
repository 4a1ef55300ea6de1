// `charset`: names the charset of text in Content-Type, and converts text that is in another one.

import { directive, listDirective, rawBlockListDirective } from '../config/row.ts';
import type { Argument } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import { flag } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { CharsetFilter } from './charset-filter.ts';
import { readCharsetMap, type CharsetMap, type Conversion } from './charset-table.ts';
import { inHttp, inHttpServerLocation, inHttpServerLocationIf } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { hideField, sentField } from './response-edits.ts';
import { hasType, typeList } from './type-list.ts';

const charset = directive<Argument | null>({
  name: 'charset',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: { expects: 'a charset, or off', parse: (node) => node.args[0] ?? null },
  default: null,
  defaultText: 'off',
  help:
    'Added to the Content-Type of text where it names none. Text of another source_charset is ' +
    'converted.',
  example: 'charset utf-8;',
});

const sourceCharset = directive<Argument | null>({
  name: 'source_charset',
  contexts: inHttpServerLocationIf,
  args: 1,
  value: { expects: 'a charset', parse: (node) => node.args[0] ?? null },
  default: null,
  help:
    'Charset in which text is that names none. Where it is not that of charset, the text is ' +
    'converted by a charset_map.',
  example: 'source_charset koi8-r;',
});

const charsetMap = rawBlockListDirective<CharsetMap>({
  name: 'charset_map',
  contexts: inHttp,
  args: 2,
  value: {
    expects: 'two charsets, and a block with bytes of the first and what they are in the second',
    parse: readCharsetMap,
  },
  help:
    'How to convert text between two charsets, in both directions: bytes of the first in ' +
    'hexadecimal, each with its byte in the second, or with its bytes if that is utf-8.',
  differs:
    'what utf-8 has no entry for becomes "?" everywhere; nginx leaves it as it is before the first ' +
    'letter of a buffer that becomes longer. "utf-8" can only be the second charset',
  example: 'charset_map koi8-r utf-8 {\n' + '  C0 D18E;\n' + '  C1 D0B0;\n' + '}',
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

interface Settings {
  readonly name: Template;
  /** Null: text is in the charset that is to be named. */
  readonly source: Template | null;
  readonly types: ReadonlySet<string>;
  readonly overrides: boolean;
  readonly maps: readonly CharsetMap[];
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const maps = scope.get(charsetMap);
  reportDuplicates(maps, context);
  const given = scope.get(charset);
  if (given === null || given.text === 'off') return;
  const name = context.template(given);
  if (name.constant !== null) context.charsets.add(name.constant.toLowerCase());
  const sourceGiven = scope.get(sourceCharset);
  const source = sourceGiven === null ? null : context.template(sourceGiven);
  const listed = scope.get(charsetTypes).flat();
  const types = new Set(['text/html', ...(listed.length === 0 ? usualTypes : listed)]);
  const overrides = scope.get(overrideCharset);
  const settings = { name, source, types, overrides, maps };
  checkConversion(settings, scope, context);
  build.headerFilters.push((x) => filterCharset(x, settings));
}

function reportDuplicates(maps: readonly CharsetMap[], context: BuildContext): void {
  const seen = new Set<string>();
  for (const { from, to, node } of maps) {
    if (seen.has(`${from} ${to}`)) {
      const names = node.args.map((one) => `"${one.text}"`).join(' and ');
      context.reportOnce('error', node.at, `duplicate "charset_map" between ${names}`);
    }
    seen.add(`${from} ${to}`).add(`${to} ${from}`);
  }
}

function checkConversion(settings: Settings, scope: Scope, context: BuildContext): void {
  const to = settings.name.constant;
  const from = settings.source?.constant ?? null;
  if (to === null || from === null || to.toLowerCase() === from.toLowerCase()) return;
  if (conversionBetween(settings.maps, from, to) !== null) return;
  context.reportOnce('error', scope.at(sourceCharset) ?? scope.at(charset), noMap(from, to));
}

function noMap(from: string, to: string): string {
  return `no "charset_map" between the charsets "${from}" and "${to}"`;
}

function conversionBetween(
  maps: readonly CharsetMap[],
  from: string,
  to: string,
): Conversion | null {
  const [first, second] = [from.toLowerCase(), to.toLowerCase()];
  for (const map of maps) {
    if (map.from === first && map.to === second) return map.forth;
    if (map.from === second && map.to === first) return map.back;
  }
  return null;
}

function filterCharset(x: Exchange, settings: Settings): void {
  const { contentType } = x;
  if (contentType === null) return;
  const named = /;\s*charset=(?:"([^"]*)"|([^;\s]*))/i.exec(contentType);
  // nginx looks at the type only where no charset is named.
  if (named === null && !hasType(x, settings.types)) return;
  if (named !== null && !(settings.overrides && x.upstreamHead !== null)) return;
  const name = settings.name.evaluate(x);
  const source =
    named === null ? (settings.source?.evaluate(x) ?? '') : (named[1] ?? named[2] ?? '');
  const differs = source !== '' && source.toLowerCase() !== name.toLowerCase();
  if (differs && !convert(x, source, name, settings)) return;
  if (name === '' || x.status === 301 || x.status === 302) return;
  const type = named === null ? contentType : contentType.replace(named[0], '');
  x.contentType = `${type}; charset=${name}`;
}

// False: it can't be converted, and stays as it is.
function convert(x: Exchange, source: string, name: string, { maps }: Settings): boolean {
  if (sentField(x, 'content-encoding') !== null) return false;
  const conversion = conversionBetween(maps, source, name);
  if (conversion === null) {
    logError(x, 'error', noMap(source, name));
    return false;
  }
  if (!conversion.sameLength) {
    x.contentLength = -1;
    x.allowRanges = false;
    hideField(x, 'accept-ranges');
  }
  if (x.method !== 'HEAD') x.addFilter(new CharsetFilter(conversion.start()));
  return true;
}

export const charsetModule: Module = {
  name: 'charset',
  directives: [charset, sourceCharset, charsetMap, overrideCharset, charsetTypes],
  location,
};
