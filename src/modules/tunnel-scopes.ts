// Where `tunnel_pass` stands in a server: only such a server takes CONNECT. And what restricts who may
// ask for a tunnel, and where to, for the warning about open proxies.

import type { Scope } from '../config/scope.ts';
import { allow, deny } from './access.ts';
import { authBasic } from './auth-basic.ts';
import { authRequest } from './auth-request.ts';
import { clientControlled } from './client-controlled.ts';
import type { BuildContext } from './build-context.ts';
import { location } from './location.ts';
import { ifInLocation, ifInServer } from './rewrite-rows.ts';
import { sslVerifyClient } from './ssl-rows.ts';
import { tunnelAllowUpstream, tunnelPass } from './tunnel-rows.ts';

/** Does it stand in this server, location or `if`, or in any location of it? */
export function hasTunnel(scope: Scope): boolean {
  if (scope.own(tunnelPass) !== null) return true;
  return [...scope.blocks(location), ...scope.blocks(ifInLocation)].some(hasTunnel);
}

/** Warns where a client can have itself connected to any host, those inside included. */
export function warnOfOpenProxy(scope: Scope, context: BuildContext): void {
  const address = scope.own(tunnelPass);
  if (address === null || clientControlled(address).length === 0 || restrictsTarget(scope)) return;
  const how =
    'say with tunnel_allow_upstream, or with an "if" over a map of $host and $request_port, where ' +
    'tunnels may lead';
  context.reportOnce(
    'warning',
    address.at,
    restrictsClients(scope)
      ? `the clients of this proxy may connect to any host and port, also to loopback and private ` +
          `addresses that only this machine reaches: ${how}`
      : `this is an open proxy: anybody may connect to any host and port, also to loopback and ` +
          `private addresses that only this machine reaches: ${how}, and with allow, deny or ` +
          'auth_basic who may ask for them',
  );
}

// Which hosts are let through cannot be seen from here: that somebody thought of it must do.
function restrictsTarget(scope: Scope): boolean {
  if (scope.get(tunnelAllowUpstream) !== null) return true;
  for (let level: Scope | null = scope; level !== null; level = level.parent) {
    if (level.context === 'if-in-location') return true;
    if (level.blocks(ifInLocation).length > 0 || level.blocks(ifInServer).length > 0) return true;
  }
  return false;
}

function restrictsClients(scope: Scope): boolean {
  const realm = scope.get(authBasic);
  return (
    scope.get(allow).length + scope.get(deny).length > 0 ||
    (realm !== null && realm.text !== 'off') ||
    scope.get(authRequest) !== 'off' ||
    scope.get(sslVerifyClient) === 'on'
  );
}
