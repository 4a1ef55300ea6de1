// The Connection field (RFC 9110 7.6.1): its options decide persistence and upgrades, and name the
// fields that end at this hop.

import { lowerCode } from './field-id.ts';
import { isToken } from './text.ts';

/** Bits of what a Connection field asks for. */
export const ConnectionOption = {
  close: 1,
  keepAlive: 2,
  upgrade: 4,
  /** An option that is none of the above: the name of a field. */
  other: 8,
  /** An element that is no token. */
  malformed: 16,
} as const;

/**
 * Reads one Connection value.
 *
 * @param tokens - gets every option but close and keep-alive, in lower case
 * @returns bits of `ConnectionOption`
 */
export function readConnection(value: string, tokens: string[]): number {
  if (value === 'keep-alive' || value === 'Keep-Alive') return ConnectionOption.keepAlive;
  if (value === 'close') return ConnectionOption.close;
  let options = 0;
  for (const element of value.split(',')) {
    const token = withoutSpace(element).toLowerCase();
    // Empty elements count as nothing (RFC 9110 5.6.1.2).
    if (token === '') continue;
    const option = optionOf(token);
    options |= option;
    if (option >= ConnectionOption.upgrade) tokens.push(token);
  }
  return options;
}

function optionOf(token: string): number {
  if (token === 'close') return ConnectionOption.close;
  if (token === 'keep-alive') return ConnectionOption.keepAlive;
  if (token === 'upgrade') return ConnectionOption.upgrade;
  return isToken(token) ? ConnectionOption.other : ConnectionOption.malformed;
}

/** The elements of a comma-separated value in lower case; empty ones stay. */
export function listElements(value: string): string[] {
  return value.split(',').map((element) => withoutSpace(element).toLowerCase());
}

/** Without spaces and tabs around; `trim` would take characters of obs-text as well. */
function withoutSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.substring(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

const neededFields = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'authorization',
  'proxy-authorization',
  'cookie',
  'origin',
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'client-cert',
  'client-cert-chain',
]);

/**
 * Is it a field that routing, framing or identity behind this proxy rests on? Whoever could have
 * one removed by naming it in Connection could pass for somebody else.
 */
export function isNeededField(lowerName: string): boolean {
  return neededFields.has(lowerName) || lowerName.startsWith('x-forwarded-');
}

/** Is `value` exactly `lower` but for the case of letters? */
export function equalsIgnoringCase(value: string, lower: string): boolean {
  if (value.length !== lower.length) return false;
  for (let i = 0; i < lower.length; i += 1) {
    if (lowerCode(value.charCodeAt(i)) !== lower.charCodeAt(i)) return false;
  }
  return true;
}
