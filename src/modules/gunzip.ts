// `gunzip`: decompresses responses that came compressed, for clients that can't.

import zlib from 'node:zlib';
import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { flag } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { acceptsCoding } from './accept-encoding.ts';
import type { BuildContext } from './build-context.ts';
import { compressionCondition } from './compression-condition.ts';
import { addVary, gzipVary, weakenEtag } from './compression.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';
import { hideField, sentField } from './response-edits.ts';
import { ZlibFilter } from './zlib-filter.ts';

const gunzip = directive({
  name: 'gunzip',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether responses with "Content-Encoding: gzip" are unpacked for clients that do not take it.',
  example: 'gunzip on;',
});

interface Settings {
  readonly vary: boolean;
  readonly clientMay: (x: Exchange) => boolean;
}

function decompress(x: Exchange, { vary, clientMay }: Settings): void {
  if (sentField(x, 'content-encoding')?.toLowerCase() !== 'gzip') return;
  // Other clients get the same response in its other form: a cache must know that.
  if (vary) addVary(x);
  if (acceptsCoding(x.request.fields.get('accept-encoding'), 'gzip') && clientMay(x)) return;
  hideField(x, 'content-encoding');
  hideField(x, 'accept-ranges');
  weakenEtag(x);
  x.contentLength = -1;
  x.allowRanges = false;
  if (x.method !== 'HEAD') x.addFilter(new ZlibFilter(zlib.createGunzip(), false));
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  if (!scope.get(gunzip)) return;
  const settings: Settings = {
    vary: scope.get(gzipVary),
    clientMay: compressionCondition(scope, context),
  };
  build.headerFilters.push((x) => decompress(x, settings));
}

export const gunzipModule: Module = { name: 'gunzip', directives: [gunzip], location };
