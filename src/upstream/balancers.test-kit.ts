// What the tests of balancers share: peers, and requests of which only what a balancer looks at is
// there.

import { constantTemplate, type Template } from '../exchange/template.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { Peer, type PeerOptions } from './peer.ts';

/** A request that no balancer looks at. */
export const nobody = {} as Exchange;

/** A request of this key, and from this address. */
export function request(key: string, remoteAddress = '127.0.0.1'): Exchange {
  return { args: key, remoteAddress } as unknown as Exchange;
}

/** The key of `request`. */
export const keyOfRequest: Template = {
  ...constantTemplate('$args', ''),
  constant: null,
  evaluate: (x) => x.args,
};

/** Peers at 127.0.0.1, named `a`, `b`, `c`, … */
export function peersOf(...options: Partial<PeerOptions>[]): Peer[] {
  return options.map((option, i) => {
    const address = { kind: 'ip', host: '127.0.0.1', port: 8001 + i } as const;
    return new Peer({ address, hostName: String.fromCharCode(97 + i), ...option });
  });
}
