// A group of servers: an `upstream` block, or the addresses of the one host that a URL names. It is
// what a location forwards to. Each worker makes its own from the configuration; one that is defined
// as before is kept over a change of configuration, with its peers' state and its connections.

import { createHash } from 'node:crypto';
import type { Address } from '../base/address.ts';
import type { Template } from '../exchange/template.ts';
import type { Balancer, BalancerRow } from './balancer.ts';
import { Membership } from './membership.ts';
import { Peer } from './peer.ts';
import type { PeerZone } from './peer-zone.ts';
import { roundRobin } from './round-robin.ts';
import { Sticky, type Binding } from './sticky.ts';
import { WaitQueue, type QueueSettings } from './wait-queue.ts';
import { ZonedBalancer } from './zoned.ts';

/** Which idle connections to the servers of a group are kept, for each worker. */
export interface KeepaliveSettings {
  /** Idle connections kept at most; 0 keeps none. */
  readonly connections: number;
  /** Requests over one connection at most. */
  readonly requests: number;
  /** Milliseconds that a connection may be idle. */
  readonly timeoutMs: number;
  /** Milliseconds since it was opened after which it is not kept any more. */
  readonly timeMs: number;
}

/** As current nginx: 32 connections, 1000 requests, idle for a minute, an hour in all. */
export const defaultKeepalive: KeepaliveSettings = {
  connections: 32,
  requests: 1000,
  timeoutMs: 60_000,
  timeMs: 3_600_000,
};

/** A group as a worker uses it. */
export interface UpstreamGroup {
  /** The name in `upstream`, or the URL's authority. */
  readonly name: string;
  /** Hash over all that it was made from: groups of equal definition are the same. */
  readonly definition: string;
  readonly peers: readonly Peer[];
  readonly balancer: Balancer;
  /** Null: a request for which no server is free fails at once. */
  readonly queue: WaitQueue | null;
  readonly keepalive: KeepaliveSettings;
  /** Not written as a group, but made for a URL. */
  readonly implicit: boolean;
  /** Attempts that one request may make: one for each server that is not marked down. */
  readonly tries: number;
  /**
   * Makes the balancer anew over these peers; null where that makes no difference. A balancer that
   * evaluates variables belongs to one configuration, while the group may go on over many.
   */
  readonly rebalance: ((peers: readonly Peer[]) => Balancer) | null;
  /** Who belongs to it, where that changes while it runs; null: it does not. */
  readonly membership: Membership | null;
  /** All workers share what is known of its servers. */
  readonly shared: boolean;
}

/** How requests are bound to servers (`sticky`). */
export interface GroupBinding {
  /** What was configured. */
  readonly definition: readonly string[];
  readonly make: (peers: readonly Peer[]) => Binding;
}

/** What an `upstream` block says. */
export interface GroupOptions {
  readonly name: string;
  readonly peers: readonly Peer[];
  readonly keepalive?: KeepaliveSettings;
  /** Default: round robin. */
  readonly balancer?: BalancerRow;
  readonly balancerArgs?: readonly string[];
  /** For a method that tells requests apart by a key. */
  readonly key?: Template | null;
  readonly sticky?: GroupBinding | null;
  readonly queue?: QueueSettings | null;
  /** Name and size of the zone that the peers are in. */
  readonly zone?: { readonly name: string; readonly bytes: number } | null;
  /** Its memory. */
  readonly memory?: PeerZone | null;
  readonly membership?: Membership | null;
}

/** Makes the group of an `upstream` block. */
export function createGroup(options: GroupOptions): UpstreamGroup {
  return assemble(options, false);
}

/** The one host of a URL with the addresses that it resolved to. */
export interface ImplicitGroupOptions {
  /** The URL's authority, for logs. */
  readonly name: string;
  /** The host as configured: what the certificate has to be for. */
  readonly hostName: string;
  readonly addresses: readonly Address[];
  readonly keepalive?: KeepaliveSettings;
  /** Where the addresses change: `addresses` are then those to begin with. */
  readonly changing?: boolean;
}

/**
 * Makes the group of a URL: round robin over the addresses, each with weight 1, max_fails 1 and
 * fail_timeout 10 s, as nginx does.
 */
export function createImplicitGroup(options: ImplicitGroupOptions): UpstreamGroup {
  const { hostName } = options;
  const peers = options.addresses.map((address) => new Peer({ address, hostName }));
  const definition = `${options.name} ${hostName}`;
  const membership =
    options.changing === true ? new Membership({ definition, tls: [] }, null, peers) : null;
  return assemble({ ...options, peers, membership }, true);
}

/** What `createGroup` would give as the definition of the group. */
export function definitionOf(options: GroupOptions, implicit = false): string {
  const { name, peers, keepalive = defaultKeepalive, balancerArgs = [], zone = null } = options;
  const { queue = null, key = null, sticky = null, balancer = roundRobin } = options;
  const made = { name, implicit, balancer: balancer.name, balancerArgs, keepalive, zone, queue };
  const members = options.membership?.definition ?? null;
  const bound = { key: key?.source ?? null, sticky: sticky?.definition ?? null, members };
  return hash({ ...made, ...bound, peers: peers.map((peer) => peer.options) });
}

function assemble(options: GroupOptions, implicit: boolean): UpstreamGroup {
  const { name, peers, keepalive = defaultKeepalive, memory = null, queue = null } = options;
  const definition = definitionOf(options, implicit);
  if (memory !== null) peers.forEach((peer, i) => memory.adopt(peer, `${definition} ${i}`));
  const ofRequests = (options.key ?? options.sticky ?? null) !== null;
  const group: UpstreamGroup = {
    name,
    definition,
    peers,
    balancer: makeBalancer(options, peers),
    queue: queue === null ? null : new WaitQueue(queue),
    keepalive,
    implicit,
    tries: peers.filter((peer) => !peer.out).length,
    rebalance: ofRequests ? (others) => makeBalancer(options, others) : null,
    membership: options.membership ?? null,
    shared: memory !== null,
  };
  group.membership?.addView(group, (others) => makeBalancer(options, others));
  if (group.membership !== null && memory !== null) {
    const identity = ({ name: address, hostName, weight, backup }: Peer): string =>
      `${definition} ${hostName} ${address} ${weight} ${backup}`;
    group.membership.adopt = (peer) => memory.adopt(peer, identity(peer));
    group.membership.abandon = (peer) => memory.abandon(peer, identity(peer));
  }
  return group;
}

function makeBalancer(options: GroupOptions, peers: readonly Peer[]): Balancer {
  const { balancer = roundRobin, balancerArgs = [], key = null, sticky = null } = options;
  const { memory = null } = options;
  const method = balancer.create(peers, { words: balancerArgs, key });
  const bound = sticky === null ? method : new Sticky(method, sticky.make(peers));
  return memory === null ? bound : new ZonedBalancer(bound, memory);
}

function hash(definition: object): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('base64');
}
