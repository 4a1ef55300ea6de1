// `hash KEY`: requests of one key go to one server. Plain, the key's checksum stands for a server
// (as in Perl's Cache::Memcached); `consistent`, see consistent-hash.ts.

import { crcEnd, crcStart, crcText } from '../base/crc32.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { BalancerArguments, BalancerRow, Tried } from './balancer.ts';
import { ConsistentHash } from './consistent-hash.ts';
import { fits, Hashed, Misses } from './hashed.ts';
import type { Peer } from './peer.ts';

export class PlainHash extends Hashed {
  readonly #key: Template | null;

  constructor(peers: readonly Peer[], args: BalancerArguments) {
    super(peers, args);
    this.#key = args.key;
  }

  // An empty key says nothing: round robin chooses.
  protected override find(x: Exchange, tried: Tried | null, time: number): Peer | null {
    const key = this.#key?.evaluate(x) ?? '';
    if (key === '') return null;
    const misses = new Misses(tried);
    let hash = 0;
    for (let round = 0; ; round += 1) {
      const start = round === 0 ? crcStart : crcText(crcStart, String(round));
      hash += (crcEnd(crcText(start, key)) >>> 16) & 0x7fff;
      const peer = this.peerAt(hash % this.totalWeight);
      if (fits(peer, tried, time)) return peer;
      if (misses.add(peer, tried)) return null;
    }
  }
}

export const hash: BalancerRow = {
  name: 'hash',
  help:
    'Requests of one key go to one server; with "consistent", when a server leaves, only the keys ' +
    'that it had move.',
  backup: false,
  keyed: true,
  create: (peers, args) =>
    args.words.includes('consistent')
      ? new ConsistentHash(peers, args)
      : new PlainHash(peers, args),
};
