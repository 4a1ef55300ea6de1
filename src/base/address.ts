// Where a socket listens or connects to: an IP address and port, or the path of a unix socket.

import { isIP } from 'node:net';

/** One end point. Exactly one of the two forms. */
export type Address =
  | { readonly kind: 'ip'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/**
 * Writes an address as nginx does in logs and `$upstream_addr`: `10.0.0.1:80`, `[::1]:80`,
 * `unix:/run/app.sock`.
 */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${formatHost(address.host)}:${address.port}`;
}

/** Brackets an IPv6 address; anything else stays as it is. */
export function formatHost(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** A host and an optional port as written in `listen`, `server` or a URL's authority. */
export interface HostPort {
  readonly host: string;
  readonly port: number | null;
}

/**
 * Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`. Null where it is none of them or the port
 * is not within 1 and 65535.
 */
export function parseHostPort(text: string): HostPort | null {
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?$/.exec(text);
  if (bracketed !== null) {
    const host = bracketed[1] ?? '';
    return isIP(host) === 6 ? withPort(host, bracketed[2]) : null;
  }
  const plain = /^([^:[\]/\s@]+)(?::(\d{1,5}))?$/.exec(text);
  return plain === null ? null : withPort(plain[1] ?? '', plain[2]);
}

function withPort(host: string, digits: string | undefined): HostPort | null {
  if (digits === undefined) return { host, port: null };
  const port = Number(digits);
  return port >= 1 && port <= 65535 ? { host, port } : null;
}

/** A host and port for a message: without the user and password that nobody sends anyway. */
export function shownHostPort(text: string): string {
  return text.replace(/^.*@/s, '[redacted]@');
}

/**
 * What is wrong with a text that `parseHostPort` refuses, in nginx's words: "no host", "invalid
 * port", …
 */
export function hostPortProblem(text: string): string {
  if (text.startsWith('unix:')) return 'no path in the unix domain socket';
  if (text.includes('@')) return 'user or password';
  if (text.startsWith('[]')) return 'no host';
  if (/^\[[^\]]*\](:|$)/.test(text)) {
    const close = text.indexOf(']');
    return isIP(text.slice(1, close)) === 6 ? 'invalid port' : 'invalid IPv6 address';
  }
  if (text === '' || text.startsWith(':'))
    return text.startsWith('::') ? 'invalid port' : 'no host';
  return !text.startsWith('[') && text.includes(':') && !text.includes('/')
    ? 'invalid port'
    : 'invalid host';
}
