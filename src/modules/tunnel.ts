// `tunnel_pass`: puts the settings of a location together and becomes its content handler.

import { formatAddress } from '../base/address.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Connector } from '../forward/proxy-settings.ts';
import { openTunnel, type TunnelSettings } from '../forward/tunnel-exchange.ts';
import type { ConnectTarget } from '../upstream/connect-target.ts';
import type { Peer } from '../upstream/peer.ts';
import { RefusalBook } from '../upstream/refusals.ts';
import type { BuildContext } from './build-context.ts';
import { ownOrAround } from './implicit-location.ts';
import type { LocationBuild, Module } from './module.ts';
import { socketRule } from './proxy-bind.ts';
import { tunnelHost, tunnelRouter } from './tunnel-router.ts';
import * as rows from './tunnel-rows.ts';
import { warnOfOpenProxy } from './tunnel-scopes.ts';

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const address = ownOrAround(scope, rows.tunnelPass);
  if (address === null) return;
  warnOfOpenProxy(scope, context);
  const router = tunnelRouter(address, scope, context);
  if (router === null) return;
  const retry = scope.get(rows.tunnelNextUpstream);
  const settings: TunnelSettings = {
    router,
    connector: compileConnector(scope, context),
    socket: socketRule(scope.get(rows.tunnelBind), scope.get(rows.tunnelSocketKeepalive), context),
    connectTimeout: scope.get(rows.tunnelConnectTimeout),
    readTimeout: scope.get(rows.tunnelReadTimeout),
    sendTimeout: scope.get(rows.tunnelSendTimeout),
    bufferSize: scope.get(rows.tunnelBufferSize),
    retry: retry.conditions,
    retryDenied: retry.denied,
    retryTries: scope.get(rows.tunnelNextUpstreamTries),
    retryTimeout: scope.get(rows.tunnelNextUpstreamTimeout),
    ignoreClientAbort: false,
    refusals: new RefusalBook(),
    buffers: context.buffers,
    budget: context.liveGroups.budget,
  };
  build.setContent((x) => openTunnel(x, settings));
}

// Null is a refusal of `tunnel_allow_upstream`. The key keeps tunnels apart from idle connections of
// `proxy_pass` to the same server: a tunnel is always a connection of its own.
function compileConnector(scope: Scope, context: BuildContext): Connector {
  const allowed = compileAllowed(scope, context);
  const targets = new WeakMap<Peer, ConnectTarget>();
  return (x, peer) => {
    if (allowed !== null && !allowed(x)) return null;
    let target = targets.get(peer);
    if (target === undefined) {
      const { address } = peer;
      target = { key: `tunnel ${formatAddress(address)}`, address, tls: null, peer };
      targets.set(peer, target);
    }
    return target;
  };
}

function compileAllowed(scope: Scope, context: BuildContext): ((x: Exchange) => boolean) | null {
  const texts = scope.get(rows.tunnelAllowUpstream);
  if (texts === null) return null;
  const templates = texts.map((text) => context.template(text));
  return (x) =>
    templates.every((template) => {
      const value = template.evaluate(x);
      return value !== '' && value !== '0';
    });
}

export const tunnelModule: Module = {
  name: 'tunnel',
  directives: [
    rows.tunnelPass,
    rows.tunnelAllowUpstream,
    rows.tunnelBind,
    rows.tunnelSocketKeepalive,
    rows.tunnelConnectTimeout,
    rows.tunnelSendTimeout,
    rows.tunnelReadTimeout,
    rows.tunnelBufferSize,
    rows.tunnelNextUpstream,
    rows.tunnelNextUpstreamTries,
    rows.tunnelNextUpstreamTimeout,
  ],
  hosts: (scope) => {
    const address = scope.own(rows.tunnelPass);
    const host = address === null ? null : tunnelHost(address);
    return host === null ? [] : [host];
  },
  location,
};
