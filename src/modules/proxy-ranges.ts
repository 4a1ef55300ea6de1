// `proxy_force_ranges`: parts of upstream responses for clients that ask for them, whether or not
// the server can send parts.

import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { RangePicker, ResponseRange } from '../forward/proxy-settings.ts';
import { parseDate } from '../http1/date.ts';
import { contentRange, maxRanges, readRanges } from './byte-ranges.ts';
import { hideField, sentField } from './response-edits.ts';
import { flagRow } from './row-shapes.ts';

export const proxyForceRanges = flagRow({
  name: 'proxy_force_ranges',
  default: false,
  help:
    'Whether a client that asks for one part of a response of known length gets that part, ' +
    'whatever the upstream server says of ranges.',
  example: 'proxy_force_ranges on;',
});

/** Null: ranges are the upstream server's matter. */
export function compileRanges(scope: Scope): RangePicker | null {
  if (!scope.get(proxyForceRanges)) return null;
  const max = scope.get(maxRanges);
  return (x) => pickRange(x, max);
}

function pickRange(x: Exchange, max: number | null): ResponseRange | 'unsatisfiable' | null {
  const size = x.contentLength;
  if (x.status !== 200 || size < 0 || max === 0 || x.request.version < 10) return null;
  const field = x.request.fields.get('range');
  // Several parts would need a body of several parts: the whole is as good.
  const ranges = field === null || !mayBeUsed(x) ? null : readRanges(field, size, 1);
  if (ranges?.kind === 'unsatisfiable') {
    refuse(x);
    x.fields.add('Content-Range', `bytes */${size}`);
    return 'unsatisfiable';
  }
  const only = ranges?.kind === 'parts' ? ranges.parts[0] : undefined;
  if (only === undefined) {
    x.fields.add('Accept-Ranges', 'bytes');
    return null;
  }
  x.status = 206;
  x.reason = null;
  x.fields.add('Content-Range', contentRange(only, size));
  x.contentLength = only.end - only.start;
  return only;
}

// What filters have added stays, but for what concerns the body that is not sent.
function refuse(x: Exchange): void {
  x.reason = null;
  x.contentType = null;
  x.contentLength = -1;
  x.filters = null;
  x.trailerLines = null;
  for (const name of ['etag', 'last-modified', 'content-encoding']) hideField(x, name);
}

// If-Range: a part is of use only if the client has the rest of the very same thing.
function mayBeUsed(x: Exchange): boolean {
  const condition = x.request.fields.get('if-range');
  if (condition === null) return true;
  if (condition.endsWith('"')) return condition === sentField(x, 'etag');
  const modified = parseDate(sentField(x, 'last-modified') ?? '');
  return modified !== null && parseDate(condition) === modified;
}
