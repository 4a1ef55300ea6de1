// Who gets compressed responses, besides what Accept-Encoding says: `gzip_http_version`,
// `gzip_proxied`, `gzip_disable`. They hold for all codings, and for files compressed beforehand.

import { now } from '../base/clock.ts';
import { directive, listDirective } from '../config/row.ts';
import type { Argument } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import { choice, custom } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Matcher } from '../exchange/matcher.ts';
import { parseDate } from '../http1/date.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { sentField } from './response-edits.ts';

const httpVersion = directive({
  name: 'gzip_http_version',
  contexts: inHttpServerLocation,
  args: 1,
  value: choice(['1.0', '1.1'] as const),
  default: '1.1',
  defaultText: '1.1',
  help: 'The lowest HTTP version of requests whose responses are compressed.',
  example: 'gzip_http_version 1.0;',
});

const proxiedWords = [
  'off',
  'expired',
  'no-cache',
  'no-store',
  'private',
  'no_last_modified',
  'no_etag',
  'auth',
  'any',
] as const;

type ProxiedWord = (typeof proxiedWords)[number];

const proxied = directive<readonly ProxiedWord[]>({
  name: 'gzip_proxied',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: custom(
    'some of off, expired, no-cache, no-store, private, no_last_modified, …',
    (node, help) => {
      const words: ProxiedWord[] = [];
      for (const { text, at } of node.args) {
        const word = proxiedWords.find((one) => one === text);
        if (word === undefined) {
          help.error(at, `invalid value "${text}"`, `one of ${proxiedWords.join(', ')}`);
          return null;
        }
        words.push(word);
      }
      return words;
    },
  ),
  default: ['off'],
  defaultText: 'off',
  help:
    'Which responses to requests that came through another proxy (with a Via field) are ' +
    'compressed.',
  example: 'gzip_proxied expired no-cache no-store private auth;',
});

const disable = listDirective<readonly Argument[]>({
  name: 'gzip_disable',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: { expects: 'regular expressions, or msie6', parse: (node) => node.args },
  help: 'Clients whose User-Agent matches get no compressed responses.',
  example: 'gzip_disable msie6;',
});

export const compressionConditionRows = [httpVersion, proxied, disable] as const;

interface Settings {
  readonly version: number;
  readonly proxied: ReadonlySet<ProxiedWord>;
  readonly disabled: readonly Matcher[];
}

/** May the client of a request have a compressed response in this location? */
export function compressionCondition(
  scope: Scope,
  context: BuildContext,
): (x: Exchange) => boolean {
  const settings: Settings = {
    version: scope.get(httpVersion) === '1.0' ? 10 : 11,
    proxied: new Set(scope.get(proxied)),
    disabled: scope
      .get(disable)
      .flat()
      .flatMap(({ text, at }) => {
        const source = text === 'msie6' ? 'MSIE [4-6]\\.(?!.*SV1)' : text;
        const pattern = context.pattern(source, at, 'i');
        return pattern === null ? [] : [pattern.regex];
      }),
  };
  return (x) => holds(x, settings);
}

function holds(x: Exchange, settings: Settings): boolean {
  if (x.request.version < settings.version) return false;
  const agent = x.request.fields.get('user-agent');
  if (agent !== null && settings.disabled.some((one) => one.exec(agent) !== null)) return false;
  return x.request.fields.get('via') === null || proxiedMay(x, settings.proxied);
}

function proxiedMay(x: Exchange, words: ReadonlySet<ProxiedWord>): boolean {
  if (words.has('off')) return false;
  if (words.has('any')) return true;
  if (words.has('auth') && x.request.fields.get('authorization') !== null) return true;
  const expires = sentField(x, 'expires');
  if (expires !== null) {
    if (!words.has('expired')) return false;
    const ends = parseDate(expires);
    const sent = parseDate(sentField(x, 'date') ?? '');
    return ends === null || ends < (sent ?? Math.floor(now() / 1000));
  }
  const control = sentField(x, 'cache-control')?.toLowerCase();
  if (control !== undefined) {
    return (['no-cache', 'no-store', 'private'] as const).some(
      (word) => words.has(word) && control.includes(word),
    );
  }
  // As in nginx, what no word speaks against is compressed.
  if (words.has('no_last_modified') && sentField(x, 'last-modified') !== null) return false;
  return !words.has('no_etag') || sentField(x, 'etag') === null;
}
