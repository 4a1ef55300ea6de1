// Which policy and which name count for each server that a TLS hop may reach, as the connector gives
// them to requests: for whoever wants to prove what the policies do.

import type { Position } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { LiveGroup } from '../forward/proxy-settings.ts';
import type { UpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import type { BuildContext } from './build-context.ts';
import { nameToSend, nameToVerify, policyFor } from './proxy-ssl-connector.ts';
import { proxySslName, proxySslServerName } from './proxy-ssl-rows.ts';
import type { HopTls } from './proxy-ssl.ts';
import { parseProxyUrl, schemePort } from './proxy-url.ts';
import { groupFor } from './upstream.ts';

/** One server of one TLS hop. */
export interface TlsHopTarget {
  /** Where the hop is configured: "nginx.conf:40". */
  readonly from: string;
  /** The URL as configured. */
  readonly to: string;
  /** As configured; null where it depends on the request. */
  readonly server: string | null;
  readonly policy: UpstreamTlsPolicy;
  /** The name to verify; null where it depends on the request. */
  readonly verifyName: string | null;
  /** The name to send; null: none, or it depends on the request. */
  readonly serverName: string | null;
}

// A host that no group is named after is a group of its own.
function hostOf({ url: text, at, groups }: TlsHop, context: BuildContext): readonly LiveGroup[] {
  const url = parseProxyUrl(text);
  if (url === null || url.authority.includes('$')) return [];
  const live = groupFor(url.authority, schemePort(url.secure), at, context);
  return live === null || [...groups].includes(live) ? [] : [live];
}

interface TlsHop {
  readonly from: string;
  readonly url: string;
  readonly at: Position;
  readonly scope: Scope;
  readonly groups: Iterable<LiveGroup>;
  readonly tls: HopTls;
}

/** Books the servers of a hop, and one without a name where the request chooses. */
export function bookTlsTargets(hop: TlsHop, context: BuildContext): void {
  const { from, url: to, scope, groups, tls } = hop;
  const sendName = scope.get(proxySslServerName);
  const given = scope.get(proxySslName);
  const name = given === null ? '' : context.template(given).constant;
  const booked = context.tlsTargets.length;
  for (const { group } of [...groups, ...hostOf(hop, context)]) {
    for (const peer of group.peers) {
      const fixed = name !== null || (peer.tls?.name ?? null) !== null;
      const verifyName = fixed ? nameToVerify(peer, name ?? '') : null;
      const serverName = verifyName === null ? null : nameToSend(verifyName, sendName);
      const policy = policyFor(peer, tls);
      // A host that no group is named after is written in the URL alone.
      const server = group.implicit ? group.name : peer.server;
      context.tlsTargets.push({ from, to, server, policy, verifyName, serverName });
    }
  }
  if (context.tlsTargets.length > booked && !to.includes('$')) return;
  const { policy } = tls;
  const verifyName = name === '' ? null : name;
  context.tlsTargets.push({ from, to, server: null, policy, verifyName, serverName: null });
}
