// The syntax of Host and of a target's authority: uri-host [ ":" port ] (RFC 9110 7.2). Stricter
// than nginx, since logs, server choice and upstream requests all rest on it.

import { isIPv6 } from 'node:net';

import { hexValues, hostClasses } from './char-class.ts';

const percent = 0x25;
const dot = 0x2e;
const colon = 0x3a;
const openBracket = 0x5b;

/**
 * Is it a host with an optional port? No user info, comma, space or control character; no empty
 * label, so that a host that becomes part of a path cannot hold ".."; a port within 0 and 65535 or
 * empty. One dot at the end is taken.
 */
export function isHostPort(text: string): boolean {
  const end = text.charCodeAt(0) === openBracket ? bracketedEnd(text) : nameEnd(text);
  if (end <= 0) return false;
  return end === text.length || (text.charCodeAt(end) === colon && isPort(text, end + 1));
}

/** Where a registered name or IPv4 address ends, 0 if it is none. */
function nameEnd(text: string): number {
  let at = 0;
  let previous = dot;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === colon) break;
    if (code === dot && previous === dot) return 0;
    if (code === percent) {
      if (!isHex(text, at + 1) || !isHex(text, at + 2)) return 0;
      at += 2;
    } else if (code > 0xff || hostClasses[code] === 0) {
      return 0;
    }
    previous = code;
    at += 1;
  }
  return at;
}

/** Where an IPv6 address in brackets ends, 0 if it is none. A zone is not taken (RFC 9844). */
function bracketedEnd(text: string): number {
  const close = text.indexOf(']');
  if (close < 0) return 0;
  const address = text.substring(1, close);
  return isIPv6(address) && !address.includes('%') ? close + 1 : 0;
}

function isPort(text: string, start: number): boolean {
  let port = 0;
  for (let i = start; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > 65535) return false;
  }
  return true;
}

function isHex(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code <= 0xff && hexValues[code] !== 255;
}

/**
 * Do two hosts mean the same? Case and the scheme's own port make no difference.
 *
 * @param defaultPort - digits, empty where there is none
 */
export function sameHost(one: string, other: string, defaultPort: string): boolean {
  if (one === other) return true;
  return normalHost(one, defaultPort) === normalHost(other, defaultPort);
}

function normalHost(text: string, defaultPort: string): string {
  const lower = text.toLowerCase();
  if (lower.endsWith(':')) return lower.slice(0, -1);
  if (defaultPort === '' || !lower.endsWith(`:${defaultPort}`)) return lower;
  return lower.slice(0, -defaultPort.length - 1);
}
