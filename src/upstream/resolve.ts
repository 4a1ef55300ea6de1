// A host name becomes its addresses when the configuration is loaded. A name that doesn't resolve
// refuses the configuration, as in nginx, rather than failing requests later.

import { promises as dns } from 'node:dns';
import type { Address } from '../base/address.ts';
import { ipFamily } from '../base/ip-family.ts';
import { SallyportError } from '../base/errors.ts';

/** Gives the IP addresses of a host name in the order in which they are to be used. */
export type HostLookup = (hostName: string) => Promise<readonly string[]>;

/** The system's resolver: hosts file, then DNS, as the C library is configured. */
export const systemLookup: HostLookup = async (hostName) => {
  const found = await dns.lookup(hostName, { all: true, order: 'verbatim' });
  return found.map((entry) => entry.address);
};

/**
 * All addresses of a host, each once. An IP address is its own.
 *
 * @param host - a name or a bare IP address (no brackets)
 * @param port - the port that each address gets
 * @throws SallyportError UPSTREAM_HOST_NOT_FOUND where it has none
 */
export async function resolveHost(
  host: string,
  port: number,
  lookup: HostLookup = systemLookup,
): Promise<readonly Address[]> {
  if (ipFamily(host) !== 0) return [{ kind: 'ip', host, port }];
  let found: readonly string[];
  try {
    found = await lookup(host);
  } catch (error) {
    throw notFound(host, error);
  }
  if (found.length === 0) throw notFound(host);
  return [...new Set(found)].map((address) => ({ kind: 'ip', host: address, port }));
}

function notFound(host: string, cause?: unknown): SallyportError {
  const message = `host not found in upstream "${host}"`;
  return new SallyportError('UPSTREAM_HOST_NOT_FOUND', message, cause);
}
