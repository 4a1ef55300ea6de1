// What several features do to the head of a response.

import type { Exchange } from '../exchange/exchange.ts';
import { hiddenField } from '../server/response-head.ts';

/** The statuses that add_header and expires apply to without further words. */
export function isSuccessOrRedirect(status: number): boolean {
  switch (status) {
    case 200:
    case 201:
    case 204:
    case 206:
    case 301:
    case 302:
    case 303:
    case 304:
    case 307:
    case 308:
      return true;
    default:
      return false;
  }
}

/** Takes every line of a field out of the response. `$upstream_http_…` still has it. */
export function hideField({ fields }: Exchange, lowerName: string): void {
  const { names, ids } = fields;
  for (let i = 0; i < names.length; i += 1) {
    if (names[i]?.toLowerCase() === lowerName) ids[i] = hiddenField;
  }
}

/** The value of a field that goes out; null where there is none. */
export function sentField({ fields }: Exchange, lowerName: string): string | null {
  const { names, values, ids } = fields;
  for (let i = 0; i < names.length; i += 1) {
    if (ids[i] !== hiddenField && names[i]?.toLowerCase() === lowerName) return values[i] ?? null;
  }
  return null;
}

/** Puts one line in the place of all that there are of a field. */
export function setField(x: Exchange, name: string, value: string): void {
  hideField(x, name.toLowerCase());
  x.fields.add(name, value);
}
