// One hash over a whole record of settings. Policies, contexts and sessions are keyed by it, so it
// walks every field there is: a field added later cannot be forgotten, and no two policies that
// differ in anything share a connection or a session.

import { createHash } from 'node:crypto';

/** What settings are made of. */
export type Hashable =
  | string
  | number
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly Hashable[]
  | { readonly [field: string]: Hashable };

/** SHA-256, in hex, over the value's canonical form: fields sorted, lengths written out. */
export function contentHash(value: Hashable): string {
  const parts: string[] = [];
  write(value, parts);
  return createHash('sha256').update(parts.join('')).digest('hex');
}

// Every form begins with its own letter and strings carry their length, so that no two different
// values write the same text.
function write(value: Hashable, out: string[]): void {
  if (value === undefined || value === null) out.push('n');
  else if (typeof value === 'string') out.push(`s${value.length}:`, value);
  else if (typeof value === 'number') out.push(`d${value};`);
  else if (typeof value === 'boolean') out.push(value ? 't' : 'f');
  else if (value instanceof Uint8Array) {
    const hex = Buffer.from(value).toString('hex');
    out.push(`b${hex.length}:`, hex);
  } else if (isList(value)) {
    out.push(`l${value.length}:`);
    for (const item of value) write(item, out);
  } else {
    const fields = Object.keys(value).sort();
    out.push(`o${fields.length}:`);
    for (const field of fields) {
      write(field, out);
      write(value[field], out);
    }
  }
}

function isList(
  value: readonly Hashable[] | { readonly [field: string]: Hashable },
): value is readonly Hashable[] {
  return Array.isArray(value);
}
