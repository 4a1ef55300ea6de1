// Which name an upstream's certificate has to be for, as far as that is known when the configuration
// is read: where none could ever be known, the configuration is refused.

import type { Scope } from '../config/scope.ts';
import type { LiveGroup } from '../forward/proxy-settings.ts';
import { proxySslName, proxySslSan, proxySslVerify } from './proxy-ssl-rows.ts';

/** Would the name to verify be the host of the URL, or of the server that is picked? */
export function needsHostName(scope: Scope): boolean {
  return scope.get(proxySslName) === null && scope.get(proxySslSan).length === 0;
}

/** Is a server of the group without any name, while its name is verified, now or later? */
export function hasNamelessServer(scope: Scope, { group }: LiveGroup): boolean {
  const { mode, until } = scope.get(proxySslVerify);
  if ((mode === 'off' && until === null) || !needsHostName(scope)) return false;
  return group.peers.some(
    ({ address, tls }) => address.kind === 'unix' && (tls === null || tls.name === null),
  );
}
