// `upstream`: groups of servers, how they are balanced, and their idle connections.

import { hostPortProblem, parseHostPort, shownHostPort, type Address } from '../base/address.ts';
import { ipFamily } from '../base/ip-family.ts';
import type { Position } from '../config/node.ts';
import { blockDirective, directive, listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { number, time } from '../config/value-types.ts';
import type { LiveGroup } from '../forward/proxy-settings.ts';
import {
  createGroup,
  createImplicitGroup,
  defaultKeepalive,
  definitionOf,
  type GroupOptions,
  type KeepaliveSettings,
  type UpstreamGroup,
} from '../upstream/group.ts';
import { Peer, type PeerOptions, type ServerTls } from '../upstream/peer.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp, inUpstream } from './contexts.ts';
import type { Module } from './module.ts';
import { readPair, readTlsFile } from './proxy-ssl-files.ts';
import { balancingOf, balancingRows } from './upstream-balancing.ts';
import { queue } from './upstream-queue.ts';
import {
  serverValue,
  wholeNumber,
  type ServerLine,
  type ServerTlsArguments,
} from './upstream-server-line.ts';
import { changingMembers, isLookedUp, type LineServers } from './upstream-resolve.ts';
import { bindingOf, sticky } from './upstream-sticky.ts';
import { defineZones, zone, type ZoneLine } from './upstream-zone.ts';

export const upstream = blockDirective({
  name: 'upstream',
  contexts: inHttp,
  args: 1,
  opens: 'upstream',
  help: 'A group of servers that proxy_pass may name.',
  example:
    'upstream backend {\n' +
    '  server 192.0.2.1:8443;\n' +
    '  server 192.0.2.2:8443 backup;\n' +
    '}',
});

export const upstreamServer = listDirective<ServerLine>({
  name: 'server',
  contexts: inUpstream,
  args: { min: 1, max: Infinity },
  value: serverValue,
  help:
    'One server of the group: host, host:port or unix:PATH. Parameters: weight=N, max_fails=N, ' +
    'fail_timeout=TIME, max_conns=N (for each worker, or for all with "zone"), backup, down, drain ' +
    '(only requests that "sticky" binds to it), route=NAME (what "sticky" knows it by), ' +
    'slow_start=TIME (in which its weight grows once it is back), resolve (its name is looked up by ' +
    '"resolver" again and again, and the group changes with the answers), service=NAME (the name is ' +
    'that of SRV records, which give ports, weights, and backups). What it is over TLS, instead ' +
    'of what the location says: ssl_name=NAME, ssl_trusted_certificate=FILE, ssl_certificate=FILE ' +
    'with ssl_certificate_key=FILE, ssl_pin=PIN,PIN (two or more, as proxy_ssl_pin).',
  differs:
    'the parameters that begin with ssl_ are not in nginx; a server whose certificate a location ' +
    'refuses counts as failed for that location only; a certificate is verified for the name that ' +
    'is written here, also where an SRV record names another; SRV records count as long as the ' +
    'addresses of their servers',
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
    'without "local"; a balancing method that stands after it is warned of as in nginx, but does ' +
    'not undo it; those beyond the number are closed within 0.1 s, not at once',
  example: 'keepalive 32;',
});

export const upstreamKeepaliveRequests = directive({
  name: 'keepalive_requests',
  contexts: inUpstream,
  args: 1,
  value: number({ min: 1 }),
  default: defaultKeepalive.requests,
  defaultText: String(defaultKeepalive.requests),
  help: 'Requests over one connection to a server of the group.',
  example: 'keepalive_requests 10000;',
});

export const upstreamKeepaliveTimeout = directive({
  name: 'keepalive_timeout',
  contexts: inUpstream,
  args: 1,
  value: time,
  default: defaultKeepalive.timeoutMs,
  defaultText: '60s',
  help: 'How long an idle connection to a server of the group is kept.',
  example: 'keepalive_timeout 30s;',
});

export const upstreamKeepaliveTime = directive({
  name: 'keepalive_time',
  contexts: inUpstream,
  args: 1,
  value: time,
  default: defaultKeepalive.timeMs,
  defaultText: '1h',
  help: 'How long a connection to a server of the group is used for new requests.',
  example: 'keepalive_time 30m;',
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
  return parsed === null || ipFamily(parsed.host) !== 0 ? null : parsed.host;
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
    context.error(at, `${hostPortProblem(authority)} in upstream "${shownHostPort(authority)}"`);
    return [];
  }
  const port = parsed.port ?? defaultPort;
  const hosts = ipFamily(parsed.host) === 0 ? context.addresses.get(parsed.host) : [parsed.host];
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
  const names = new Set<string>();
  const drafts: GroupDraft[] = [];
  for (const scope of http.blocks(upstream)) {
    const name = scope.node?.args[0]?.text ?? '';
    if (names.has(name.toLowerCase()) || context.groups.has(name.toLowerCase())) {
      context.error(scope.node?.at ?? null, `duplicate upstream "${name}"`);
      continue;
    }
    names.add(name.toLowerCase());
    drafts.push(draftOf(scope, name, context));
  }
  const users = drafts.flatMap(({ options, line }) =>
    line === null
      ? []
      : [{ line, definition: definitionOf(options), servers: options.peers.length }],
  );
  const zones = defineZones(users, context);
  for (const { options, line } of drafts) {
    const memory = line === null ? null : (zones.get(line.name) ?? null);
    const group = createGroup({ ...options, memory });
    const live = addGroup(options.name, group, context);
    placeParameters(group, live.group, context);
    const { membership } = live.group;
    if (membership !== null) context.firstLooks.push(() => membership.start());
  }
}

/** A group without the memory of its zone. */
interface GroupDraft {
  readonly options: GroupOptions;
  readonly line: ZoneLine | null;
}

function draftOf(scope: Scope, name: string, context: BuildContext): GroupDraft {
  const at = scope.node?.at ?? null;
  const lines = scope.own(upstreamServer) ?? [];
  // One that is malformed has been reported already.
  if (lines.length === 0 && !hasServers(scope)) {
    context.error(at, 'no servers are inside upstream');
  }
  if (lines.length > 0 && lines.every(({ backup }) => backup)) {
    context.error(at, `no servers in upstream "${name}"`, 'all of them are marked "backup"');
  }
  const servers = lines.map((one) => serversOf(one, context));
  const balancing = balancingOf(scope, context);
  const bound = scope.own(sticky);
  const line = scope.own(zone);
  const bytes = line === null ? null : (zoneBytes(line.name, scope) ?? 0);
  const options: GroupOptions = {
    name,
    peers: servers.flatMap(({ peers }) => peers),
    membership: changingMembers(scope, name, servers, context),
    keepalive: keepaliveOf(scope),
    balancer: balancing.row,
    balancerArgs: balancing.words,
    key: balancing.key === null ? null : context.template(balancing.key),
    sticky: bound === null ? null : bindingOf(bound, name, context),
    queue: scope.own(queue),
    zone: line === null || bytes === null ? null : { name: line.name, bytes },
  };
  return { options, line };
}

// Another group may give the size.
function zoneBytes(name: string, { parent }: Scope): number | null {
  const lines = (parent?.blocks(upstream) ?? []).map((scope) => scope.own(zone));
  return lines.find((line) => line?.name === name && line.bytes !== null)?.bytes ?? null;
}

// A group that is in use already goes on with its own records, equal to those just read.
function placeParameters(read: UpstreamGroup, live: UpstreamGroup, context: BuildContext): void {
  const known = live.membership?.tls ?? live.peers.map(({ tls }) => tls);
  const fresh = read.membership?.tls ?? read.peers.map(({ tls }) => tls);
  for (const [i, tls] of known.entries()) {
    const own = fresh[i] ?? null;
    const given = own === null ? undefined : context.serverTls.get(own);
    if (tls !== null && given !== undefined) context.serverTls.set(tls, given);
  }
}

function hasServers(scope: Scope): boolean {
  return scope.node?.block?.some(({ name }) => name === upstreamServer.name) === true;
}

function serversOf(line: ServerLine, context: BuildContext): LineServers {
  const common: Omit<PeerOptions, 'address'> = {
    hostName: parseHostPort(line.target)?.host ?? '',
    weight: line.weight,
    maxFails: line.maxFails,
    failTimeout: line.failTimeout,
    maxConns: line.maxConns,
    backup: line.backup,
    down: line.down,
    drain: line.drain,
    slowStart: line.slowStart,
    route: line.route,
    server: line.target,
    tls: line.tls === null ? null : readServerTls(line.tls, context),
  };
  const addresses = isLookedUp(line) ? [] : addressesOf(line.target, 80, line.at, context);
  return { line, common, peers: addresses.map((address) => new Peer({ address, ...common })) };
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
    ...balancingRows,
    sticky,
    queue,
    zone,
  ],
  hosts: (scope) =>
    (scope.own(upstreamServer) ?? []).flatMap((line) => {
      const host = isLookedUp(line) ? null : hostToResolve(line.target);
      return host === null ? [] : [host];
    }),
};
