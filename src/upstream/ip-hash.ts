// `ip_hash`: requests of one client go to one server. Of an IPv4 address the first three bytes
// count, so that a whole /24 network stays together; of an IPv6 address all do. The hash is nginx's.

import { writtenBytes } from '../base/network.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { BalancerRow, Tried } from './balancer.ts';
import { fits, Hashed, Misses } from './hashed.ts';
import type { Peer } from './peer.ts';

/** A client at a unix socket has no address. */
const noAddress = new Uint8Array(3);

/** The bytes that count. */
function keyOf(address: string): Uint8Array {
  const bytes = writtenBytes(address);
  if (bytes === null) return noAddress;
  return bytes.length === 4 ? bytes.subarray(0, 3) : bytes;
}

export class IpHash extends Hashed {
  /** Clients come back: the last one is likely the next. */
  #address = '';
  #key: Uint8Array = noAddress;

  protected override find(x: Exchange, tried: Tried | null, time: number): Peer | null {
    if (x.remoteAddress !== this.#address) {
      this.#address = x.remoteAddress;
      this.#key = keyOf(x.remoteAddress);
    }
    const misses = new Misses(tried);
    let hash = 89;
    for (;;) {
      for (const byte of this.#key) hash = (hash * 113 + byte) % 6271;
      const peer = this.peerAt(hash % this.totalWeight);
      if (fits(peer, tried, time)) return peer;
      if (misses.add(peer, tried)) return null;
    }
  }
}

export const ipHash: BalancerRow = {
  name: 'ip-hash',
  help: 'Requests of one client, or of one IPv4 network of 256 addresses, go to one server.',
  backup: false,
  keyed: false,
  create: (peers, args) => new IpHash(peers, args),
};
