// `upstream`: groups of servers, how they are balanced, and their idle connections.

import { isIP } from 'node:net';
import { hostPortProblem, parseHostPort, type Address } from '../base/address.ts';
import type { Argument, Position } from '../config/node.ts';
import { parseSeconds } from '../base/duration.ts';
import {
  blockDirective,
  directive,
  listDirective,
  type ParseHelp,
  type ValueType,
} from '../config/row.ts';
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
import { Peer } from '../upstream/peer.ts';
import { ConnectionPool } from '../upstream/pool.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp, inUpstream } from './contexts.ts';
import type { Module } from './module.ts';

export const upstream = blockDirective({
  name: 'upstream',
  contexts: inHttp,
  args: 1,
  opens: 'upstream',
  help: 'A group of servers that proxy_pass may name.',
});

/** One `server` line of a group. */
interface ServerLine {
  readonly target: string;
  readonly at: Position;
  readonly weight: number;
  readonly maxFails: number;
  readonly failTimeout: number;
  readonly maxConns: number;
  readonly backup: boolean;
  readonly down: boolean;
}

interface Draft {
  weight: number;
  maxFails: number;
  failTimeout: number;
  maxConns: number;
  backup: boolean;
  down: boolean;
}

type ParameterRow = (draft: Draft, value: string) => boolean;

function wholeNumber(value: string): number | null {
  return /^\d{1,9}$/.test(value) ? Number(value) : null;
}

const parameters: Readonly<Record<string, ParameterRow>> = {
  'weight=': (draft, value) => (draft.weight = wholeNumber(value) ?? 0) > 0,
  'max_fails=': (draft, value) => (draft.maxFails = wholeNumber(value) ?? -1) >= 0,
  'fail_timeout=': (draft, value) => (draft.failTimeout = (parseSeconds(value) ?? -1) * 1000) >= 0,
  'max_conns=': (draft, value) => (draft.maxConns = wholeNumber(value) ?? -1) >= 0,
  backup: (draft) => (draft.backup = true),
  down: (draft) => (draft.down = true),
};

const unsupported = /^(resolve|service=|slow_start=|route=|drain)/;

const serverValue: ValueType<ServerLine> = {
  expects: 'an address and parameters',
  parse(node, help) {
    const [first, ...rest] = node.args;
    if (first === undefined) return null;
    const draft: Draft = {
      weight: 1,
      maxFails: 1,
      failTimeout: 10_000,
      maxConns: 0,
      backup: false,
      down: false,
    };
    const valid = rest.map((one) => readParameter(one, draft, help)).every(Boolean);
    if (!valid || !checkTarget(first, help)) return null;
    return { target: first.text, at: first.at, ...draft };
  },
};

function readParameter(one: Argument, draft: Draft, help: ParseHelp): boolean {
  const equals = one.text.indexOf('=') + 1;
  const row = parameters[equals === 0 ? one.text : one.text.slice(0, equals)];
  if (row?.(draft, one.text.slice(equals)) === true) return true;
  if (unsupported.test(one.text)) {
    help.error(one.at, `the "${one.text}" parameter of "server" is not supported`);
  } else {
    help.error(one.at, `invalid parameter "${one.text}"`);
  }
  return false;
}

function checkTarget(argument: Argument, help: ParseHelp): boolean {
  const { text } = argument;
  if (text.startsWith('unix:') ? text.length > 'unix:'.length : parseHostPort(text) !== null) {
    return true;
  }
  if (/^https?:\/\//.test(text)) {
    help.error(
      argument.at,
      `invalid host in upstream "${text}"`,
      'the scheme belongs to proxy_pass: write host:port here',
    );
  } else {
    help.error(argument.at, `${hostPortProblem(text)} in upstream "${text}"`);
  }
  return false;
}

export const upstreamServer = listDirective<ServerLine>({
  name: 'server',
  contexts: inUpstream,
  args: { min: 1, max: Infinity },
  value: serverValue,
  help:
    'One server of the group: host, host:port or unix:PATH. Parameters: weight=N, max_fails=N, ' +
    'fail_timeout=TIME, max_conns=N (for each worker), backup, down.',
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
    if (lines.length === 0) context.error(at, 'no servers are inside upstream');
    const peers = lines.flatMap((line) => peersOf(line, context));
    const group = createGroup({ name, peers, keepalive: keepaliveOf(scope) });
    addGroup(name, group, context);
  }
}

function peersOf(line: ServerLine, context: BuildContext): Peer[] {
  const hostName = parseHostPort(line.target)?.host ?? '';
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
      }),
  );
}

function addGroup(name: string, group: UpstreamGroup, context: BuildContext): LiveGroup {
  const live: LiveGroup = { group, pool: new ConnectionPool(group.keepalive) };
  context.groups.set(name.toLowerCase(), live);
  context.disposers.push(() => live.pool.closeAll());
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
