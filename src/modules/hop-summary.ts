// Books each hop to an upstream server while locations are built, and warns of directives that weaken
// hops, or that have no effect because a hop has no TLS.

import path from 'node:path';
import type { Position } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { LiveGroup } from '../forward/proxy-settings.ts';
import type { BuildContext } from './build-context.ts';
import { proxySslVerify } from './proxy-ssl-rows.ts';
import { bookTlsTargets } from './proxy-ssl-targets.ts';
import type { HopTls } from './proxy-ssl.ts';

interface Hop {
  readonly scope: Scope;
  readonly url: string;
  readonly at: Position;
  /** That requests may reach from here. */
  readonly groups: Iterable<LiveGroup>;
  /** Null: plain HTTP. */
  readonly tls: HopTls | null;
}

export function describeHop(hop: Hop, context: BuildContext): void {
  const from = place(hop.at);
  if (hop.tls === null) {
    warnOfParameters(hop, context);
    const weak = { mode: 'plain', encrypted: false, verified: false } as const;
    const note = 'plain HTTP';
    context.hops.push({ from, to: hop.url, ...weak, reason: null, until: null, note });
    return;
  }
  bookTlsTargets({ ...hop, tls: hop.tls, from }, context);
  const { mode, reason, until } = hop.scope.get(proxySslVerify);
  const verified = mode === 'on';
  const note = verified ? authorities(hop.tls) : weakening(hop, mode, context);
  context.hops.push({ from, to: hop.url, mode, encrypted: true, verified, reason, until, note });
}

function place(at: Position): string {
  return `${path.basename(at.file)}:${at.line}`;
}

// Servers with a file of their own are counted with the others: all of them are verified.
function authorities({ policy, ofServer }: HopTls): string {
  const named = [policy, ...ofServer.values()].map(
    ({ settings }) => settings.trusted?.path ?? 'the trust store of the system',
  );
  return `against ${[...new Set(named)].join(' or ')}`;
}

function weakening({ scope, at }: Hop, mode: 'off' | 'report', context: BuildContext): string {
  const where = scope.at(proxySslVerify);
  const what =
    mode === 'off'
      ? 'the TLS hop is not verified: anybody on the way can be the upstream'
      : 'what fails verification is let through: anybody on the way can be the upstream';
  // One directive may count for many hops; those are listed at start.
  const known = context.diagnostics.list.some((one) => one.at === where && one.message === what);
  if (!known) {
    context.diagnostics.warn(
      where ?? at,
      what,
      `remove "proxy_ssl_verify ${mode}"; for a private CA set proxy_ssl_trusted_certificate`,
    );
  }
  return `proxy_ssl_verify ${mode}${where === null ? '' : ` at ${place(where)}`}`;
}

// Only where the URL names the group: with variables in it, other requests may go there over TLS.
function warnOfParameters({ url, groups }: Hop, context: BuildContext): void {
  if (url.includes('$')) return;
  for (const { group } of groups) {
    for (const { tls } of group.peers) {
      const given = tls === null ? undefined : context.serverTls.get(tls);
      if (given === undefined) continue;
      const message = `the "ssl_" parameters have no effect for "proxy_pass ${url}": it is plain HTTP`;
      context.reportOnce('warning', given.at, message);
    }
  }
}
