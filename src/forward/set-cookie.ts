// Set-Cookie taken apart and put together again as nginx does it, for `proxy_cookie_domain`,
// `proxy_cookie_path` and `proxy_cookie_flags`.

/** One part between semicolons; the first one is the cookie itself. */
export interface CookieAttribute {
  /** Null: it is left out. */
  name: string | null;
  /** Null: there is no "=". */
  value: string | null;
}

/** Takes a Set-Cookie value apart. There is always a first attribute. */
export function parseSetCookie(text: string): CookieAttribute[] {
  return text.split(';').map((part) => {
    const equals = part.indexOf('=');
    if (equals === -1) return { name: trimSpaces(part), value: null };
    return { name: trimSpaces(part.slice(0, equals)), value: trimSpaces(part.slice(equals + 1)) };
  });
}

/** Puts it together again, with one space after each semicolon. */
export function formatSetCookie(attributes: readonly CookieAttribute[]): string {
  let text = '';
  attributes.forEach(({ name, value }, i) => {
    if (name === null) return;
    if (i > 0) text += '; ';
    text += value === null ? name : `${name}=${value}`;
  });
  return text;
}

// Spaces alone: a tab is part of the value.
function trimSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === ' ') start += 1;
  while (end > start && text[end - 1] === ' ') end -= 1;
  return text.slice(start, end);
}
