// The URL of `proxy_pass`: scheme, authority and URI part, and what becomes of the request's path.

import type { Exchange } from '../exchange/exchange.ts';
import { escapePath } from '../server/uri.ts';
import { rawTarget } from './core-variables.ts';

/** A URL split as nginx splits it. */
export interface ProxyUrl {
  readonly secure: boolean;
  /** host, host:port, [ipv6]:port or unix:/path. */
  readonly authority: string;
  /** From the first "/" on (after ":" for unix sockets); empty where there is none. */
  readonly uri: string;
}

/** Null where it is no http or https URL. */
export function parseProxyUrl(text: string): ProxyUrl | null {
  const match = /^(https?):\/\/(.*)$/is.exec(text);
  if (match === null) return null;
  const secure = match[1]?.toLowerCase() === 'https';
  const rest = match[2] ?? '';
  if (rest.startsWith('unix:')) {
    const colon = rest.indexOf(':', 'unix:'.length);
    if (colon === -1) return { secure, authority: rest, uri: '' };
    return { secure, authority: rest.slice(0, colon), uri: rest.slice(colon + 1) };
  }
  const end = rest.search(/[/?]/);
  if (end === -1) return { secure, authority: rest, uri: '' };
  const uri = rest.slice(end);
  return { secure, authority: rest.slice(0, end), uri: uri.startsWith('?') ? `/${uri}` : uri };
}

/** The default port of a scheme. */
export function schemePort(secure: boolean): number {
  return secure ? 443 : 80;
}

/** `$proxy_host`: the authority without the scheme's own port. */
export function proxyHostOf(url: ProxyUrl): string {
  if (url.authority.startsWith('unix:')) return 'localhost';
  const suffix = `:${schemePort(url.secure)}`;
  return url.authority.endsWith(suffix) ? url.authority.slice(0, -suffix.length) : url.authority;
}

/** `$proxy_port`. */
export function proxyPortOf(url: ProxyUrl): string {
  if (url.authority.startsWith('unix:')) return '';
  return /:(\d+)$/.exec(url.authority)?.[1] ?? String(schemePort(url.secure));
}

function withArgs(path: string, args: string): string {
  return args === '' ? path : `${path}?${args}`;
}

// nginx escapes only what was escaped before, or what an internal redirect made; here what would end
// the request line is escaped in any case.
function escapedAsNeeded(x: Exchange, path: string): string {
  if (x.internal || x.request.path.includes('%')) return escapePath(path);
  return /[\x00-\x20\x7f]/.test(path) ? escapePath(path) : path;
}

/** As the client sent it while nothing changed it; else from the normalised path. */
export function unchangedUri(x: Exchange): string {
  if (!x.targetValid) return withArgs(escapedAsNeeded(x, x.uri), x.args);
  const target = rawTarget(x);
  const fragment = target.indexOf('#');
  return fragment === -1 ? target : target.slice(0, fragment);
}

/**
 * The URI part replaces the prefix of the location; the rest of the normalised path follows.
 *
 * @param prefix - length of the location's name
 */
export function replacedUri(uri: string, prefix: number): (x: Exchange) => string {
  return (x) => {
    // After "rewrite … break" the location's name is no longer what the URI begins with.
    if (!x.locationValid) return withArgs(escapedAsNeeded(x, x.uri), x.args);
    return withArgs(uri + escapedAsNeeded(x, x.uri.slice(prefix)), x.args);
  };
}
