// `gzip`, and `brotli` and `zstd` in the same form: compresses responses on their way.

import zlib from 'node:zlib';
import { directive, listDirective, type DirectiveRow } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { flag, number, size } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { acceptsCoding } from './accept-encoding.ts';
import type { BuildContext } from './build-context.ts';
import { compressionCondition, compressionConditionRows } from './compression-condition.ts';
import { inHttpServerLocation, inHttpServerLocationIf } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { hideField, sentField, setField } from './response-edits.ts';
import { hasType, typeList } from './type-list.ts';
import { ZlibFilter, type ZlibStream } from './zlib-filter.ts';

/** One content coding. The client's favourite does not count: the first that both can wins. */
interface Coding {
  /** Name in Accept-Encoding and Content-Encoding. */
  readonly token: string;
  readonly enabled: DirectiveRow<boolean>;
  readonly types: DirectiveRow<readonly (readonly string[])[]>;
  readonly minLength: DirectiveRow<number>;
  readonly level: DirectiveRow<number>;
  create(level: number): ZlibStream;
}

interface CodingSpec {
  readonly name: string;
  readonly token: string;
  readonly levels: readonly [least: number, most: number, usual: number];
  create(level: number): ZlibStream;
}

function coding({ name, token, levels, create }: CodingSpec): Coding {
  const [min, max, usual] = levels;
  return {
    token,
    create,
    enabled: directive({
      name,
      contexts: inHttpServerLocationIf,
      args: 1,
      value: flag,
      default: false,
      defaultText: 'off',
      help:
        `Whether responses are compressed with ${name}, where the client takes it, the type is one ` +
        `of ${name}_types and the status 200, 403 or 404. DANGER over TLS: a page that shows a ` +
        'secret beside what an attacker can choose tells the secret by its length (BREACH).',
      example: `${name} on;`,
    }),
    types: listDirective<readonly string[]>({
      name: `${name}_types`,
      contexts: inHttpServerLocation,
      args: { min: 1, max: Infinity },
      value: typeList,
      defaultText: 'text/html',
      help: 'MIME types to compress besides text/html; "*" for all.',
      differs: 'parameters of a type ("; charset=utf-8" in default_type) are not looked at',
      example: `${name}_types text/css application/json;`,
    }),
    minLength: directive({
      name: `${name}_min_length`,
      contexts: inHttpServerLocation,
      args: 1,
      value: size,
      default: 20,
      defaultText: '20',
      help: 'Responses with a smaller Content-Length are not compressed.',
      example: `${name}_min_length 1k;`,
    }),
    level: directive({
      name: `${name}_comp_level`,
      contexts: inHttpServerLocation,
      args: 1,
      value: number({ min, max }),
      default: usual,
      defaultText: String(usual),
      help: `How hard to try, from ${min} to ${max}.`,
      example: `${name}_comp_level ${usual};`,
    }),
  };
}

const brotli = coding({
  name: 'brotli',
  token: 'br',
  levels: [0, 11, 4],
  create: (level) =>
    zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: level } }),
});

const zstd = coding({
  name: 'zstd',
  token: 'zstd',
  levels: [1, 19, 3],
  create: (level) =>
    zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_compressionLevel]: level } }),
});

const gzip = coding({
  name: 'gzip',
  token: 'gzip',
  levels: [1, 9, 1],
  create: (level) => zlib.createGzip({ level }),
});

const codings: readonly Coding[] = [brotli, zstd, gzip];

export const gzipVary = directive({
  name: 'gzip_vary',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether "Vary: Accept-Encoding" is added where the response would be compressed.',
  example: 'gzip_vary on;',
});

/** All settings of a location. */
interface Settings {
  readonly codings: readonly {
    readonly coding: Coding;
    readonly types: ReadonlySet<string>;
    readonly minLength: number;
    readonly level: number;
  }[];
  readonly vary: boolean;
  readonly clientMay: (x: Exchange) => boolean;
}

function settingsOf(scope: Scope, context: BuildContext): Settings {
  return {
    codings: codings
      .filter((one) => scope.get(one.enabled))
      .map((one) => ({
        coding: one,
        types: new Set(['text/html', ...scope.get(one.types).flat()]),
        minLength: scope.get(one.minLength),
        level: scope.get(one.level),
      })),
    vary: scope.get(gzipVary),
    clientMay: compressionCondition(scope, context),
  };
}

function compress(x: Exchange, settings: Settings): void {
  if (x.status !== 200 && x.status !== 403 && x.status !== 404) return;
  if (sentField(x, 'content-encoding') !== null) return;
  const possible = settings.codings.filter(
    ({ types, minLength }) =>
      hasType(x, types) && (x.contentLength < 0 || x.contentLength >= minLength),
  );
  if (possible.length === 0) return;
  if (settings.vary) addVary(x);
  if (!settings.clientMay(x)) return;
  const accepted = x.request.fields.get('accept-encoding');
  const chosen = possible.find(({ coding: { token } }) => acceptsCoding(accepted, token));
  if (chosen === undefined) return;
  x.fields.add('Content-Encoding', chosen.coding.token);
  x.contentLength = -1;
  hideField(x, 'accept-ranges');
  weakenEtag(x);
  x.allowRanges = false;
  if (x.method !== 'HEAD') x.addFilter(new ZlibFilter(chosen.coding.create(chosen.level), true));
}

/** What `gzip_vary` adds, once to a response. */
export function addVary(x: Exchange): void {
  if (x.saysVary) return;
  x.saysVary = true;
  x.fields.add('Vary', 'Accept-Encoding');
}

/** A changed body has another strong tag; the weak one says "the same for people". */
export function weakenEtag(x: Exchange): void {
  const tag = sentField(x, 'etag');
  if (tag === null || tag.startsWith('W/')) return;
  if (tag.startsWith('"')) setField(x, 'ETag', `W/${tag}`);
  else hideField(x, 'etag');
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  if (!codings.some((one) => scope.get(one.enabled))) return;
  const settings = settingsOf(scope, context);
  build.headerFilters.push((x) => compress(x, settings));
}

export const compressionModule: Module = {
  name: 'compression',
  directives: [
    ...codings.flatMap(({ enabled, types, minLength, level }) => [
      enabled,
      types,
      minLength,
      level,
    ]),
    gzipVary,
    ...compressionConditionRows,
  ],
  location,
};
