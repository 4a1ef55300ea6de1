// Which address a request came from, as the proxies before this one say (X-Forwarded-For): from the
// right to the left, for as long as the one who says it is trusted.

import { addressBytes, isWithin, type Network } from './network.ts';

/** An address, and the port where one was given with it. */
export interface ForwardedAddress {
  readonly address: string;
  /** 0 where none was given. */
  readonly port: number;
}

/** Whom to believe. */
export interface ForwardingRules {
  readonly isTrusted: (address: string) => boolean;
  /** Goes on to the left for as long as addresses are trusted; else the last one is taken. */
  readonly recursive: boolean;
}

/** Is an address in one of these networks? */
export function isInAny(address: string, networks: readonly Network[]): boolean {
  const bytes = addressBytes(address);
  return bytes !== null && networks.some((network) => isWithin(bytes, network));
}

/**
 * @param lines - values of the field, in the order in which they came
 * @returns null where the connection's own address counts
 */
export function forwardedAddress(
  connection: string,
  lines: readonly string[],
  rules: ForwardingRules,
): ForwardedAddress | null {
  let found: ForwardedAddress | null = null;
  for (let i = lines.length - 1; i >= 0; i -= 1) {
    const names = (lines[i] ?? '').split(/[ ,]+/).filter((name) => name !== '');
    if (names.length === 0) return found;
    for (const name of names.reverse()) {
      if (!rules.isTrusted(found?.address ?? connection)) return found;
      const next = readAddress(name);
      if (next === null) return found;
      found = next;
      if (!rules.recursive) return found;
    }
  }
  return found;
}

/** An address, with or without a port; IPv6 with a port is in brackets. Null where it is none. */
export function readAddress(text: string): ForwardedAddress | null {
  if (isAddress(text)) return { address: text, port: 0 };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const address = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  return isAddress(address) && port > 0 && port < 65_536 ? { address, port } : null;
}

function isAddress(text: string): boolean {
  return addressBytes(text) !== null && !text.includes('%');
}
