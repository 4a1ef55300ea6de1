// `upstream`: groups of servers, how they are balanced, and their idle connections.

import { isIP } from 'node:net';
import { hostPortProblem, parseHostPort, type Address } from '../base/address.ts';
import type { Position } from '../config/node.ts';
import { blockDirective, directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { number, time } from '../config/value-types.ts';
import type { LiveGroup } from '../forward/proxy-settings.ts';
import {
  createGroup,
  createImplicitGroup,
  defaultKeepalive,
  type KeepaliveSettings,
  type UpstreamGroup,
} from '../upstream/group.ts';
import { Peer, type ServerTls } from '../upstream/peer.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp, inUpstream } from './contexts.ts';
import type { Module } from './module.ts';
import { readPair, readTlsFile } from './proxy-ssl-files.ts';
import {
  serverValue,
  wholeNumber,
  type ServerLine,
  type ServerTlsArguments,
} from './upstream-server-line.ts';

export const upstream = blockDirective({
  name: 'upstream',
  contexts: inHttp,
  args: 1,
  opens: 'upstream',
  help: 'A group of servers that proxy_pass may name.',
});

export const upstreamServer = listDirective<ServerLine>({
  name: 'server',
  contexts: inUpstream,
  args: { min: 1, max: Infinity },
  value: serverValue,
  help:
    'One server of the group: host, host:port or unix:PATH. Parameters: weight=N, max_fails=N, ' +
    'fail_timeout=TIME, max_conns=N (for each worker), backup, down. What it is over TLS, instead ' +
    'of what the location says: ssl_name=NAME, ssl_trusted_certificate=FILE, ssl_certificate=FILE ' +
    'with ssl_certificate_key=FILE, ssl_pin=PIN,PIN (two or more, as proxy_ssl_pin).',
  differs:
    'the parameters that begin with ssl_ are not in nginx; a server whose certificate a location ' +
    'refuses counts as failed for that location only',
  example:
    'server 192.0.2.1:443 ssl_name=a.internal ' +
    'ssl_pin=sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= ' +
    'ssl_pin=sha256/ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=;',
});

const keepaliveValue: ValueType<number> = {
  expects: 'a number of connections, perhaps "local"',
  parse(node, help) {
    const count = wholeNumber(node.args[0]?.text ?? '');
    if (count === null) {
      const [first] = node.args;
      help.error(
        first?.at ?? node.at,
        `invalid value "${first?.text ?? ''}" in "keepalive" directive`,
      );
      return null;
    }
    const second = node.args[1];
    if (second !== undefined && second.text !== 'local') {
      help.error(second.at, `invalid parameter "${second.text}"`);
      return null;
    }
    return count;
  },
};

export const keepalive = directive({
  name: 'keepalive',
  contexts: inUpstream,
  args: { min: 1, max: 2 },
  value: keepaliveValue,
  default: defaultKeepalive.connections,
  defaultText: String(defaultKeepalive.connections),
  help: 'Idle connections to the servers of the group that each worker keeps; 0 keeps none.',
  differs:
    'a connection is only ever used again under the same address, name and TLS policy, with and ' +
    'without "local"',
});

export const upstreamKeepaliveRequests = directive({
  name: 'keepalive_requests',
  contexts: inUpstream,
  args: 1,
  value: number({ min: 1 }),
  default: defaultKeepalive.requests,
  defaultText: String(defaultKeepalive.requests),
  help: 'Requests over one connection to a server of the group.',
});

export const upstreamKeepaliveTimeout = directive({
  name: 'keepalive_timeout',
  contexts: inUpstream,
  args: 1,
  value: time,
  default: defaultKeepalive.timeoutMs,
  defaultText: '60s',
  help: 'How long an idle connection to a server of the group is kept.',
});

export const upstreamKeepaliveTime = directive({
  name: 'keepalive_time',
  contexts: inUpstream,
  args: 1,
  value: time,
  default: defaultKeepalive.timeMs,
  defaultText: '1h',
  help: 'How long a connection to a server of the group is used for new requests.',
});

function keepaliveOf(scope: Scope): KeepaliveSettings {
  return {
    connections: scope.get(keepalive),
    requests: scope.get(upstreamKeepaliveRequests),
    timeoutMs: scope.get(upstreamKeepaliveTimeout),
    timeMs: scope.get(upstreamKeepaliveTime),
  };
}

/** The host part of a `server` line or URL that has to be looked up; null where it is numeric. */
export function hostToResolve(authority: string): string | null {
  if (authority.startsWith('unix:')) return null;
  const parsed = parseHostPort(authority);
  return parsed === null || isIP(parsed.host) !== 0 ? null : parsed.host;
}

/** All numeric addresses of an authority; empty after a reported error. */
export function addressesOf(
  authority: string,
  defaultPort: number,
  at: Position | null,
  context: BuildContext,
): Address[] {
  if (authority.startsWith('unix:') && authority.length > 'unix:'.length) {
    return [{ kind: 'unix', path: authority.slice('unix:'.length) }];
  }
  const parsed = parseHostPort(authority);
  if (parsed === null) {
    context.error(at, `${hostPortProblem(authority)} in upstream "${authority}"`);
    return [];
  }
  const port = parsed.port ?? defaultPort;
  const hosts = isIP(parsed.host) === 0 ? context.addresses.get(parsed.host) : [parsed.host];
  if (hosts === undefined || hosts.length === 0) {
    context.error(
      at,
      `host not found in upstream "${authority}"`,
      'names are looked up when the configuration is loaded',
    );
    return [];
  }
  return hosts.map((host) => ({ kind: 'ip', host, port }));
}

/** Makes the groups of all `upstream` blocks. */
export function buildUpstreams(http: Scope, context: BuildContext): void {
  for (const scope of http.blocks(upstream)) {
    const name = scope.node?.args[0]?.text ?? '';
    const at = scope.node?.at ?? null;
    if (context.groups.has(name.toLowerCase())) {
      context.error(at, `duplicate upstream "${name}"`);
      continue;
    }
    const lines = scope.own(upstreamServer) ?? [];
    // One that is malformed has been reported already.
    if (lines.length === 0 && !hasServers(scope)) {
      context.error(at, 'no servers are inside upstream');
    }
    const peers = lines.flatMap((line) => peersOf(line, context));
    const group = createGroup({ name, peers, keepalive: keepaliveOf(scope) });
    const live = addGroup(name, group, context);
    placeParameters(group, live.group, context);
  }
}

// A group that is in use already goes on with its own records, equal to those just read.
function placeParameters(read: UpstreamGroup, live: UpstreamGroup, context: BuildContext): void {
  for (const [i, { tls }] of live.peers.entries()) {
    const own = read.peers[i]?.tls ?? null;
    const given = own === null ? undefined : context.serverTls.get(own);
    if (tls !== null && given !== undefined) context.serverTls.set(tls, given);
  }
}

function hasServers(scope: Scope): boolean {
  return scope.node?.block?.some(({ name }) => name === upstreamServer.name) === true;
}

function peersOf(line: ServerLine, context: BuildContext): Peer[] {
  const hostName = parseHostPort(line.target)?.host ?? '';
  const tls = line.tls === null ? null : readServerTls(line.tls, context);
  return addressesOf(line.target, 80, line.at, context).map(
    (address) =>
      new Peer({
        address,
        hostName,
        weight: line.weight,
        maxFails: line.maxFails,
        failTimeout: line.failTimeout,
        maxConns: line.maxConns,
        backup: line.backup,
        down: line.down,
        tls,
      }),
  );
}

function readServerTls(given: ServerTlsArguments, context: BuildContext): ServerTls {
  const { name, trusted, pair, pins } = given;
  const tls = {
    name,
    trusted: trusted === null ? null : readTlsFile(trusted, 'CA certificates', context),
    certificate: pair === null ? null : readPair(pair, context),
    pins,
  };
  context.serverTls.set(tls, given);
  return tls;
}

function addGroup(name: string, group: UpstreamGroup, context: BuildContext): LiveGroup {
  const live = context.liveGroups.acquire(group);
  context.groups.set(name.toLowerCase(), live);
  context.disposers.push(() => context.liveGroups.release(live));
  return live;
}

/** The group of a URL's authority: an `upstream` of that name, or the host itself. */
export function groupFor(
  authority: string,
  defaultPort: number,
  at: Position | null,
  context: BuildContext,
): LiveGroup | null {
  const named = context.groups.get(authority.toLowerCase());
  if (named !== undefined) return named;
  const key = `${authority.toLowerCase()} ${defaultPort}`;
  const known = context.groups.get(key);
  if (known !== undefined) return known;
  const addresses = addressesOf(authority, defaultPort, at, context);
  if (addresses.length === 0) return null;
  const hostName = parseHostPort(authority)?.host ?? '';
  return addGroup(key, createImplicitGroup({ name: authority, hostName, addresses }), context);
}

export const upstreamModule: Module = {
  name: 'upstream',
  directives: [
    upstream,
    upstreamServer,
    keepalive,
    upstreamKeepaliveRequests,
    upstreamKeepaliveTimeout,
    upstreamKeepaliveTime,
  ],
  hosts: (scope) =>
    (scope.own(upstreamServer) ?? []).flatMap((line) => {
      const host = hostToResolve(line.target);
      return host === null ? [] : [host];
    }),
};
