// Turns an upstream response head into the client's: hop-by-hop and hidden fields go, Location is
// rewritten, type and length move to where nginx writes them.

import type { Exchange } from '../exchange/exchange.ts';
import { FieldId, fieldIdCount, fieldIdOf } from '../http1/field-id.ts';
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

/** Compiles `proxy_hide_header` and `proxy_pass_header`, given by lower-case name. */
export function compileHiddenFields(
  hide: readonly string[],
  pass: readonly string[],
): HiddenFields {
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
  // Written from the parsed head.
  ids[FieldId.contentType] = 1;
  ids[FieldId.contentLength] = 1;
  return { ids, names };
}

/** Takes status, fields, type and length over into the exchange. */
export function adoptResponse(
  x: Exchange,
  head: ResponseHead,
  settings: ProxySettings,
  destination: Destination,
): void {
  const { fields } = head;
  const { ids, names, values } = fields;
  const { hidden } = settings;
  x.status = x.fixedStatus === 0 ? head.status : x.fixedStatus;
  x.reason = x.fixedStatus === 0 ? head.reason : null;
  x.ownServer = hidden.ids[FieldId.server] === 1;
  x.ownDate = hidden.ids[FieldId.date] === 1;
  x.contentLength = head.chunked ? -1 : head.contentLength;
  x.fields = fields;
  const tokens = head.connectionTokens;
  for (let i = 0; i < names.length; i += 1) {
    const id = ids[i] ?? 0;
    if (id === FieldId.contentType) x.contentType = values[i] ?? null;
    if (id > 0 ? hidden.ids[id] === 1 : isNamed(names[i] ?? '', hidden.names, tokens)) {
      ids[i] = hiddenField;
    } else if (id === FieldId.location || id === FieldId.refresh) {
      rewriteAt(i, x, head, settings, destination);
    }
  }
}

// A Location that was changed into a path is made absolute like the proxy's own; one that came as a
// path stays as it is.
function rewriteAt(
  i: number,
  x: Exchange,
  head: ResponseHead,
  settings: ProxySettings,
  destination: Destination,
): void {
  const { ids, values } = head.fields;
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
