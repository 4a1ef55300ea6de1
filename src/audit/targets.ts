// Where a hop leads: the URL taken apart, its group's servers, and where they lie.

import { isIP } from 'node:net';
import { parseHostPort } from '../base/address.ts';
import { addressBytes, isWithin, parseNetwork, type Network } from '../base/network.ts';
import type { HopScheme, HopServer, Place } from './model.ts';
import type { Level } from './tree.ts';

/** A URL, or what stands in its place. */
export interface Target {
  readonly scheme: HopScheme;
  /** host, host:port or unix:PATH; may hold variables. */
  readonly authority: string;
  /** From the path on; empty where there is none. */
  readonly uri: string;
}

/** Reads the argument of `proxy_pass`, `grpc_pass` and their like. */
export function readTarget(text: string): Target {
  const match = /^(https?|grpcs?|suwsgi|uwsgi|\$\{?\w+\}?):\/\/(.*)$/is.exec(text);
  const scheme = schemeOf(match?.[1] ?? null, text);
  const rest = match?.[2] ?? text;
  if (rest.startsWith('unix:')) {
    const colon = rest.indexOf(':', 5);
    return colon === -1
      ? { scheme, authority: rest, uri: '' }
      : { scheme, authority: rest.slice(0, colon), uri: rest.slice(colon + 1) };
  }
  const end = rest.search(pathStart);
  if (end === -1) return { scheme, authority: rest, uri: '' };
  return { scheme, authority: rest.slice(0, end), uri: rest.slice(end) };
}

// A variable that holds a path, and a capture right behind a name, end the host as a slash does.
const pathStart =
  /[/?]|\$\{?(?:request_uri|uri|document_uri|is_args|args|query_string)\b|(?<=[\w\]])\$\{?\d/;

function schemeOf(written: string | null, text: string): HopScheme {
  if (written === null) return text.startsWith('$') ? 'variable' : 'http';
  const lower = written.toLowerCase();
  if (lower.startsWith('$')) return 'variable';
  return lower === 'https' || lower === 'grpcs' || lower === 'suwsgi' ? 'https' : 'http';
}

/** All groups, by name in lower case. */
export function groupsOf(root: Level): ReadonlyMap<string, Level> {
  const groups = new Map<string, Level>();
  for (const level of root.walk()) {
    const name = level.kind === 'upstream' ? level.node?.args[0]?.text : undefined;
    if (name !== undefined) groups.set(name.toLowerCase(), level);
  }
  return groups;
}

/** The servers of a group. */
export function serversOf(group: Level, usualPort: number): readonly HopServer[] {
  // Where code chooses the server, the lines are there for the parser only.
  const chosen = group.nodes.some(({ name }) => name.startsWith('balancer_by_lua'));
  return group.own('server').map((node) => {
    const [address, ...parameters] = node.args;
    const named = parameters.find(({ text }) => text.startsWith('ssl_name='));
    return {
      ...endPoint(address?.text ?? '', usualPort),
      ...(chosen ? { place: 'unknown' as const } : {}),
      node,
      sslName: named === undefined ? null : named.text.slice('ssl_name='.length),
    };
  });
}

/** The one server that a URL names. */
export function serverOfUrl(authority: string, usualPort: number): HopServer {
  return { ...endPoint(authority, usualPort), node: null, sslName: null };
}

function endPoint(
  address: string,
  usualPort: number,
): Pick<HopServer, 'address' | 'host' | 'port' | 'place'> {
  if (address.startsWith('unix:')) return { address, host: '', port: 0, place: 'loopback' };
  // A variable in the place of the port says nothing about the host.
  const parsed = parseHostPort(address.replace(/:\$(\{\w+\}|\w+)$/, ''));
  if (parsed === null) return { address, host: '', port: 0, place: 'unknown' };
  const { host } = parsed;
  return { address, host, port: parsed.port ?? usualPort, place: placeOf(host) };
}

const loopback = networks('127.0.0.0/8', '::1');
const internal = networks(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
);

function networks(...texts: readonly string[]): readonly Network[] {
  return texts.map((text) => parseNetwork(text)).filter((one) => one !== null);
}

/** Where a host lies, as far as its text tells. */
export function placeOf(host: string): Place {
  if (host === '' || host.includes('$')) return 'unknown';
  if (isIP(host) === 0) return host.toLowerCase() === 'localhost' ? 'loopback' : 'name';
  const bytes = addressBytes(host);
  if (bytes === null) return 'unknown';
  if (loopback.some((one) => isWithin(bytes, one))) return 'loopback';
  return internal.some((one) => isWithin(bytes, one)) ? 'private' : 'public';
}

const distance: Readonly<Record<Place, number>> = {
  loopback: 0,
  private: 1,
  name: 2,
  unknown: 3,
  public: 4,
};

/** The farthest of several. */
export function farthest(places: readonly Place[]): Place {
  return places.reduce<Place>(
    (far, one) => (distance[one] > distance[far] ? one : far),
    'loopback',
  );
}
