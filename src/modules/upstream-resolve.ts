// `server NAME resolve` and `service=`: which groups have servers whose names are looked up while
// they run, and what nginx demands of such groups.

import { parseHostPort } from '../base/address.ts';
import { ipFamily } from '../base/ip-family.ts';
import type { Scope } from '../config/scope.ts';
import { Membership } from '../upstream/membership.ts';
import type { Peer, PeerOptions } from '../upstream/peer.ts';
import {
  ResolvedServers,
  type GroupLine,
  type ResolvedLine,
} from '../upstream/resolved-servers.ts';
import type { BuildContext } from './build-context.ts';
import { resolver, resolverSettings, resolverTimeout } from './resolver.ts';
import type { ServerLine } from './upstream-server-line.ts';
import { zone } from './upstream-zone.ts';

/** A `server` line with what came of it. */
export interface LineServers {
  readonly line: ServerLine;
  /** What all its servers have in common. */
  readonly common: Omit<PeerOptions, 'address'>;
  /** Empty where its name is looked up later. */
  readonly peers: readonly Peer[];
}

/** Is its name looked up again and again? An address has nothing to look up. */
export function isLookedUp({ target, resolve }: ServerLine): boolean {
  if (!resolve || target.startsWith('unix:')) return false;
  return ipFamily(parseHostPort(target)?.host ?? '') === 0;
}

/** What keeps the servers of a group up to date; null where they never change, or after an error. */
export function changingMembers(
  scope: Scope,
  name: string,
  servers: readonly LineServers[],
  context: BuildContext,
): Membership | null {
  if (!servers.some(({ line }) => isLookedUp(line))) return null;
  const at = scope.node?.at ?? null;
  if (scope.own(zone) === null) {
    const what = `resolving names at run time requires upstream "${name}"`;
    const hint = `write in it: zone ${name} 64k;`;
    context.error(at, `${what} to be in shared memory`, hint);
    return null;
  }
  if (scope.get(resolver) === null) {
    const message = `no resolver defined to resolve names at run time in upstream "${name}"`;
    context.error(at, message, 'name servers are given with "resolver"');
    return null;
  }
  const settings = resolverSettings(scope, context);
  if (settings === null) return null;
  const timeoutMs = scope.get(resolverTimeout);
  const lines: GroupLine[] = servers.map((one) =>
    isLookedUp(one.line) ? resolvedLine(one) : one.peers,
  );
  const described = lines.map((line) => ('host' in line ? line : null));
  const { resolvers } = context.liveGroups;
  return new Membership(
    {
      definition: JSON.stringify({ settings, timeoutMs, lines: described }),
      tls: servers.map(({ common }) => common.tls ?? null),
    },
    new ResolvedServers({ lines, resolvers, settings, timeoutMs }),
    servers.flatMap(({ peers }) => peers),
  );
}

function resolvedLine({ line, common }: LineServers): ResolvedLine {
  const { host, port } = parseHostPort(line.target) ?? { host: '', port: null };
  return { host, port: port ?? 80, service: line.service, options: common };
}
