// Turns an upstream response head into the client's: hop-by-hop and hidden fields go, Location is
// rewritten, type and length move to where nginx writes them.

import type { Exchange } from '../exchange/exchange.ts';
import { FieldId, fieldIdCount, fieldIdOf } from '../http1/field-id.ts';
import { Fields } from '../http1/fields.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { locationOf } from '../server/phases.ts';
import { hiddenField } from '../server/response-head.ts';
import { hopByHop, isNamed } from './passed-fields.ts';
import type { Destination, HiddenFields, ProxySettings } from './proxy-settings.ts';

/** What nginx hides unless `proxy_pass_header` names it. */
const hiddenByDefault: readonly number[] = [
  FieldId.date,
  FieldId.server,
  FieldId.xPad,
  FieldId.xAccelExpires,
  FieldId.xAccelRedirect,
  FieldId.xAccelLimitRate,
  FieldId.xAccelBuffering,
  FieldId.xAccelCharset,
];

interface HideAndPass {
  readonly hide: readonly string[];
  readonly pass: readonly string[];
  /** Trailer goes on (`proxy_pass_trailers`). */
  readonly trailers: boolean;
  /** Accept-Ranges is this proxy's own (`proxy_force_ranges`). */
  readonly ranges: boolean;
}

/** Compiles `proxy_hide_header` and `proxy_pass_header`, given by lower-case name. */
export function compileHiddenFields({ hide, pass, trailers, ranges }: HideAndPass): HiddenFields {
  const ids = new Uint8Array(fieldIdCount);
  const names = new Set<string>();
  for (const id of hiddenByDefault) ids[id] = 1;
  for (const name of hide) {
    const id = fieldIdOf(name);
    if (id === FieldId.other) names.add(name);
    else ids[id] = 1;
  }
  for (const name of pass) {
    const id = fieldIdOf(name);
    if (id === FieldId.other) names.delete(name);
    else ids[id] = 0;
  }
  for (const id of hopByHop) ids[id] = 1;
  if (trailers) ids[FieldId.trailer] = 0;
  if (ranges) ids[FieldId.acceptRanges] = 1;
  const contentType = ids[FieldId.contentType] === 1;
  // Written from the parsed head.
  ids[FieldId.contentType] = 1;
  ids[FieldId.contentLength] = 1;
  return { ids, names, contentType };
}

/** Takes status, fields, type and length over into the exchange. */
export function adoptResponse(
  x: Exchange,
  head: ResponseHead,
  settings: ProxySettings,
  destination: Destination,
): void {
  const { hidden } = settings;
  x.status = x.fixedStatus === 0 ? head.status : x.fixedStatus;
  x.reason = x.fixedStatus === 0 ? head.reason : null;
  x.ownServer = hidden.ids[FieldId.server] === 1;
  x.ownDate = hidden.ids[FieldId.date] === 1;
  x.contentLength = head.chunked ? -1 : head.contentLength;
  const own = x.fields;
  const before = own.names.length;
  x.fields = before === 0 ? head.fields : joined(own, head.fields);
  if (head.chunked) x.trailerLines = settings.trailerLines;
  adoptFields(x, head.connectionTokens, settings, { destination, before });
}

// Fields that were there before (the challenge of a 401 whose error page this is, or what an
// X-Accel-Redirect took along) come first.
function joined(own: Fields, fields: Fields): Fields {
  const all = new Fields();
  for (const { names, values, ids } of [own, fields]) {
    names.forEach((name, i) => all.add(name, values[i] ?? '', ids[i]));
  }
  return all;
}

interface Adoption {
  readonly destination: Destination;
  /** Fields that did not come from the server. */
  readonly before: number;
}

function adoptFields(
  x: Exchange,
  tokens: readonly string[] | null,
  settings: ProxySettings,
  { destination, before }: Adoption,
): void {
  const { ids, names, values } = x.fields;
  const { hidden, cookies } = settings;
  for (let i = before; i < names.length; i += 1) {
    const id = ids[i] ?? 0;
    if (id === FieldId.contentType && !hidden.contentType) x.contentType = values[i] ?? null;
    if (id > 0 ? hidden.ids[id] === 1 : isNamed(names[i] ?? '', hidden.names, tokens)) {
      ids[i] = hiddenField;
    } else if (id === FieldId.location || id === FieldId.refresh) {
      rewriteAt(i, x, settings, destination);
    } else if (id === FieldId.setCookie && cookies !== null) {
      values[i] = cookies(values[i] ?? '', x) ?? values[i] ?? '';
    }
  }
}

// A Location that was changed into a path is made absolute like the proxy's own; one that came as a
// path stays as it is.
function rewriteAt(
  i: number,
  x: Exchange,
  settings: ProxySettings,
  destination: Destination,
): void {
  const { ids, values } = x.fields;
  const isLocation = ids[i] === FieldId.location;
  const changed = rewritten(values[i] ?? '', isLocation, x, settings.redirects, destination);
  if (changed === null) return;
  values[i] = changed;
  if (!isLocation || !changed.startsWith('/')) return;
  if (!locationOf(x).client.absoluteRedirect) return;
  x.redirectPath = changed;
  ids[i] = hiddenField;
}

/** Null: no rule fits. */
function rewritten(
  value: string,
  isLocation: boolean,
  x: Exchange,
  rules: ProxySettings['redirects'],
  destination: Destination,
): string | null {
  if (rules.length === 0) return null;
  // "Refresh: 5; url=…": only the URL is rewritten.
  const start = isLocation ? 0 : value.toLowerCase().indexOf('url=') + 4;
  if (!isLocation && start === 3) return null;
  for (const rule of rules) {
    const changed = rule(value.slice(start), x, destination);
    if (changed !== null) return value.slice(0, start) + changed;
  }
  return null;
}
