// From the request target to the path that locations are matched against, as nginx normalises it:
// percent-decoded, "." and ".." resolved, slashes merged. And back again: escaped for an upstream.

import { percentEscape } from '../base/character-escape.ts';

/** Result of `normalizePath` for a path that must be refused. */
export const INVALID_PATH = null;

/**
 * @param path - path of the request target as received, one character per byte
 * @param mergeSlashes - `merge_slashes`
 * @returns the decoded path; null where it is malformed, holds a NUL or leads above the root
 */
export function normalizePath(path: string, mergeSlashes: boolean): string | null {
  if (isNormal(path)) return path;
  const decoded = path.includes('%') ? decodePercent(path) : path;
  return decoded === null ? INVALID_PATH : resolveDots(decoded, mergeSlashes);
}

// Nearly every path has none of these; then it is returned as it is.
function isNormal(path: string): boolean {
  let previousSlash = false;
  for (let i = 0; i < path.length; i += 1) {
    const code = path.charCodeAt(i);
    if (code === 0x25) return false;
    if (code === 0x2f) {
      if (previousSlash) return false;
      previousSlash = true;
    } else {
      if (code === 0x2e && previousSlash) return false;
      previousSlash = false;
    }
  }
  return true;
}

/** Decodes %XX to bytes. Null on a malformed escape or a NUL. */
export function decodePercent(text: string): string | null {
  let decoded = '';
  let from = 0;
  for (let at = text.indexOf('%'); at !== -1; at = text.indexOf('%', from)) {
    const digits = text.slice(at + 1, at + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return null;
    const code = Number.parseInt(digits, 16);
    if (code === 0) return null;
    decoded += text.slice(from, at) + String.fromCharCode(code);
    from = at + 3;
  }
  return decoded + text.slice(from);
}

function resolveDots(path: string, mergeSlashes: boolean): string | null {
  const out: string[] = [];
  const segments = path.split('/');
  const last = segments.length - 1;
  for (let i = 1; i <= last; i += 1) {
    const segment = segments[i] ?? '';
    if (segment === '' && i !== last && mergeSlashes) continue;
    if (segment === '.') {
      if (i === last) out.push('');
      continue;
    }
    if (segment === '..') {
      if (out.length === 0) return INVALID_PATH;
      out.pop();
      if (i === last) out.push('');
      continue;
    }
    out.push(segment);
  }
  return `/${out.join('/')}`;
}

const plainUriByte = makeUriTable();

// What nginx leaves alone in a path: everything but controls, space, bytes beyond ASCII and
// " # % < > ? \ ^ ` { | }.
function makeUriTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (let code = 0x21; code < 0x7f; code += 1) table[code] = 1;
  for (const char of '"#%<>?\\^`{|}') table[char.charCodeAt(0)] = 0;
  return table;
}

/** Escapes a decoded path for a request line or a Location. */
export function escapePath(path: string): string {
  for (let i = 0; i < path.length; i += 1) {
    if (plainUriByte[path.charCodeAt(i)] !== 1) return escapeFrom(path, i);
  }
  return path;
}

function escapeFrom(path: string, start: number): string {
  let escaped = path.slice(0, start);
  for (let i = start; i < path.length; i += 1) {
    const character = path.charAt(i);
    escaped += plainUriByte[path.charCodeAt(i)] === 1 ? character : percentEscape(character);
  }
  return escaped;
}

// What nginx escapes in an argument: controls, bytes beyond ASCII, and space # % & + ; ?
const unsafeArgument = /[\x00-\x20#%&+;?\x7f-\xff]/g;

/** Escapes a capture that becomes part of a query. */
export function escapeArgument(text: string): string {
  return text.replace(unsafeArgument, percentEscape);
}

// What a "%" begins in a redirect, or the "?" that ends its path.
const redirectPart = /\?|%(?:[0-9A-Fa-f](?:[0-9A-Fa-f]|[^]|$)|[^]|$)/g;

/**
 * Decodes what is harmless in the path of a redirect, as nginx does: printable characters above "%".
 * Malformed escapes go away. What follows the first "?" stays as it is.
 */
export function unescapeRedirect(text: string): string {
  if (!text.includes('%')) return text;
  let over = false;
  return text.replace(redirectPart, (part) => {
    if (over) return part;
    const character = redirectCharacter(part);
    // Of the escaped ones only "%3F" in capitals or not can be a "?", and it ends the path as well.
    over = character === '?' && part.length !== 2;
    return character;
  });
}

function redirectCharacter(part: string): string {
  if (part === '?') return part;
  if (!/^%[0-9A-Fa-f]/.test(part)) return part.slice(1);
  if (!/^%[0-9A-Fa-f]{2}$/.test(part)) return '';
  const code = Number.parseInt(part.slice(1), 16);
  return code > 0x25 && code < 0x7f ? String.fromCharCode(code) : part;
}

/** A Host value or authority: lower-cased host without port and trailing dot; null if malformed. */
export function hostName(authority: string): string | null {
  const colon = authority.startsWith('[')
    ? authority.indexOf(':', authority.indexOf(']'))
    : authority.indexOf(':');
  let host = colon === -1 ? authority : authority.slice(0, colon);
  if (host.endsWith('.')) host = host.slice(0, -1);
  if (host === '' || host.includes('/') || host.includes('..')) return null;
  return host.toLowerCase();
}
