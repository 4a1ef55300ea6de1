// What `proxy_cookie_flags` does to the attributes of one cookie.

import type { CookieAttribute } from '../forward/set-cookie.ts';

/** True: must be there; false: must not; null: stays as it is. */
export interface CookieFlags {
  secure: boolean | null;
  httponly: boolean | null;
  /** The value that SameSite gets; false takes it away. */
  samesite: 'Strict' | 'Lax' | 'None' | false | null;
}

const edits: Readonly<Record<string, Partial<CookieFlags>>> = {
  secure: { secure: true },
  nosecure: { secure: false },
  httponly: { httponly: true },
  nohttponly: { httponly: false },
  'samesite=strict': { samesite: 'Strict' },
  'samesite=lax': { samesite: 'Lax' },
  'samesite=none': { samesite: 'None' },
  nosamesite: { samesite: false },
};

export const flagNames: readonly string[] = Object.keys(edits);

/** Null where one of the words is no flag. Empty words say nothing. */
export function cookieFlagsOf(words: readonly string[]): CookieFlags | null {
  const flags: CookieFlags = { secure: null, httponly: null, samesite: null };
  for (const word of words) {
    if (word === '') continue;
    const edit = edits[word.toLowerCase()];
    if (edit === undefined) return null;
    Object.assign(flags, edit);
  }
  return flags;
}

/**
 * Changes flags where they stand, and adds what is missing at the end.
 *
 * @returns false where nothing was asked for
 */
export function editFlags(attributes: CookieAttribute[], wanted: CookieFlags): boolean {
  const { secure, httponly, samesite } = wanted;
  if (secure === null && httponly === null && samesite === null) return false;
  const hasSecure = settle(attributes, 'secure', secure);
  const hasHttpOnly = settle(attributes, 'httponly', httponly);
  const hasSameSite = settleSameSite(attributes, samesite);
  if (secure === true && !hasSecure) attributes.push({ name: 'Secure', value: null });
  if (httponly === true && !hasHttpOnly) attributes.push({ name: 'HttpOnly', value: null });
  if (typeof samesite === 'string' && !hasSameSite) {
    attributes.push({ name: 'SameSite', value: samesite });
  }
  return true;
}

function settle(
  attributes: readonly CookieAttribute[],
  lowerName: string,
  wanted: boolean | null,
): boolean {
  let found = false;
  for (const attribute of attributes.slice(1)) {
    if (attribute.name?.toLowerCase() !== lowerName) continue;
    found = true;
    if (wanted === false) attribute.name = null;
  }
  return found;
}

function settleSameSite(
  attributes: readonly CookieAttribute[],
  wanted: CookieFlags['samesite'],
): boolean {
  let found = false;
  for (const attribute of attributes.slice(1)) {
    if (attribute.name?.toLowerCase() !== 'samesite' || wanted === null) continue;
    if (wanted === false) attribute.name = null;
    // A second one stays as it is.
    else if (!found && attribute.value?.toLowerCase() !== wanted.toLowerCase()) {
      attribute.name = 'SameSite';
      attribute.value = wanted;
    }
    found = true;
  }
  return found;
}
