// The zoo: every way in which an upstream server can be the wrong one or do it wrong, each with
// exactly one defect, beside a twin without it.

import { hostileChains } from './hostile-chains.ts';
import { hostileHandshakes } from './hostile-handshakes.ts';
import { hostileIdentities } from './hostile-identities.ts';
import { hostileRevocation } from './hostile-revocation.ts';
import { HostilePki, type HostileUpstream } from './hostile-upstream.ts';

/** All rows. Needs `openssl`. Nothing is started yet. */
export async function hostileUpstreams(): Promise<readonly HostileUpstream[]> {
  const pki = await HostilePki.create();
  const parts = [hostileIdentities, hostileChains, hostileRevocation, hostileHandshakes];
  return (await Promise.all(parts.map((part) => part(pki)))).flat();
}
