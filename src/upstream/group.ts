// A group of servers: an `upstream` block, or the addresses of the one host that a URL names. It is
// what a location forwards to. Each worker makes its own from the configuration; one that is defined
// as before is kept over a change of configuration, with its peers' state and its connections.

import { createHash } from 'node:crypto';
import type { Address } from '../base/address.ts';
import type { Balancer, BalancerRow } from './balancer.ts';
import { Peer } from './peer.ts';
import { roundRobin } from './round-robin.ts';

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
  readonly keepalive: KeepaliveSettings;
  /** Not written as a group, but made for a URL. */
  readonly implicit: boolean;
  /** Attempts that one request may make: one for each server that is not marked down. */
  readonly tries: number;
}

/** What an `upstream` block says. */
export interface GroupOptions {
  readonly name: string;
  readonly peers: readonly Peer[];
  readonly keepalive?: KeepaliveSettings;
  /** Default: round robin. */
  readonly balancer?: BalancerRow;
  readonly balancerArgs?: readonly string[];
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
}

/**
 * Makes the group of a URL: round robin over the addresses, each with weight 1, max_fails 1 and
 * fail_timeout 10 s, as nginx does.
 */
export function createImplicitGroup(options: ImplicitGroupOptions): UpstreamGroup {
  const { hostName } = options;
  const peers = options.addresses.map((address) => new Peer({ address, hostName }));
  return assemble({ ...options, peers }, true);
}

function assemble(options: GroupOptions, implicit: boolean): UpstreamGroup {
  const { name, peers, keepalive = defaultKeepalive, balancerArgs = [] } = options;
  const row = options.balancer ?? roundRobin;
  const made = { name, implicit, balancer: row.name, balancerArgs, keepalive };
  return {
    name,
    definition: hash({ ...made, peers: peers.map((peer) => peer.options) }),
    peers,
    balancer: row.create(peers, balancerArgs),
    keepalive,
    implicit,
    tries: options.peers.filter((peer) => !peer.down).length,
  };
}

function hash(definition: object): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('base64');
}
