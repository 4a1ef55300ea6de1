// IP addresses as bytes, and networks ("10.0.0.0/8") that they may lie in.

import { isIP } from 'node:net';

/**
 * The bytes of an address in network order: 4 or 16 of them; null where the text is none. An IPv4
 * address mapped into IPv6 gives its 4 bytes.
 */
export function addressBytes(text: string): Uint8Array | null {
  const bytes = writtenBytes(text);
  return bytes?.length === 16 && isMapped(bytes) ? bytes.subarray(12) : bytes;
}

/** The same, but a mapped address keeps its 16 bytes. */
export function writtenBytes(text: string): Uint8Array | null {
  const version = isIP(text);
  if (version === 0) return null;
  return version === 4 ? Uint8Array.from(text.split('.'), Number) : ipv6Bytes(text);
}

function ipv6Bytes(text: string): Uint8Array {
  const bare = text.split('%')[0] ?? '';
  const [head = '', tail] = bare.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const bytes = new Uint8Array(16);
  bytes.set(front, 0);
  bytes.set(back, 16 - back.length);
  return bytes;
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i += 1) if (bytes[i] !== 0) return false;
  return bytes[10] === 255 && bytes[11] === 255;
}

/** An address with the number of its bits that count. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
  /** Were there bits set beyond `bits`? They are 0 in `bytes`. */
  readonly untidy: boolean;
}

/**
 * Reads `10.0.0.0/8`, `::/0`, or a single address; null where it is none of them. A mapped IPv4
 * address stays IPv6, so that no client lies in it, as in nginx.
 */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  const bytes = writtenBytes(slash === -1 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  const all = bytes.length * 8;
  const written = slash === -1 ? String(all) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(written) || Number(written) > all) return null;
  const bits = Number(written);
  const tidy = masked(bytes, bits);
  return { bytes: tidy, bits, untidy: tidy.some((byte, i) => byte !== bytes[i]) };
}

function masked(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => {
    const left = Math.min(8, Math.max(0, bits - i * 8));
    return byte & (0xff00 >> left);
  });
}

/** Does the address lie in the network? Those of different lengths never do. */
export function isWithin(address: Uint8Array, network: Network): boolean {
  const { bytes, bits } = network;
  if (address.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i += 1) if (address[i] !== bytes[i]) return false;
  const rest = bits & 7;
  if (rest === 0) return true;
  const mask = 0xff00 >> rest;
  return ((address[whole] ?? 0) & mask & 255) === ((bytes[whole] ?? 0) & mask & 255);
}
