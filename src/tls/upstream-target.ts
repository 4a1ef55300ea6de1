// One end point of an upstream with all that its connections must satisfy.

import { isIP } from 'node:net';
import type { Address } from '../base/address.ts';
import { formatAddress } from '../base/address.ts';
import type { UpstreamTlsPolicy } from './upstream-policy.ts';

/** Where to connect, whom to expect there. */
export interface UpstreamTlsTarget {
  readonly policy: UpstreamTlsPolicy;
  readonly address: Address;
  /** The host name, or the IP address without brackets, that the certificate must be for. */
  readonly verifyName: string;
  /** The server name to send (SNI); null sends none. An IP address is never sent. */
  readonly serverName: string | null;
}

/**
 * The identity of a connection, for pools and sessions: two targets of different keys never share
 * anything.
 */
export function tlsTargetKey(target: UpstreamTlsTarget): string {
  const name = target.serverName;
  // NUL is in no address and no name that can be sent or verified.
  return [
    // First what comes into and goes out of force as one: by this, sessions are dropped.
    target.policy.baseKey,
    target.policy.key,
    formatAddress(target.address),
    name === null ? '-' : `+${name}`,
    target.verifyName,
  ].join('\0');
}

/**
 * The name that goes into the ClientHello: null where none is to be sent or where it is an address
 * (RFC 6066 section 3 forbids those). A trailing dot is not part of the name.
 */
export function sentServerName(target: UpstreamTlsTarget): string | null {
  const name = target.serverName?.replace(/\.$/, '') ?? '';
  if (name === '' || name.length > 255 || isIP(name.replace(/^\[|\]$/g, '')) !== 0) return null;
  return /^[\x21-\x7e]+$/.test(name) ? name : null;
}
