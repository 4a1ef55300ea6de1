// One address of one `server` line. A server whose name has several addresses is several peers.
// Balancers keep their state in the peer's own fields, as plain numbers of one fixed shape, so that
// they can move to shared memory for an upstream `zone` without touching a balancer's caller.

import { formatAddress, type Address } from '../base/address.ts';
import type { KeyPair, PemFile } from '../tls/pem.ts';

/** What a `server` line says of its own about TLS; it wins over what the location says. */
export interface ServerTls {
  /** The name to verify and to send as SNI, or an address without brackets; null: not given. */
  readonly name: string | null;
  /** The CAs that its certificate must come from; null: not given. */
  readonly trusted: PemFile | null;
  /** The client certificate, its key perhaps still encrypted; null: not given. */
  readonly certificate: KeyPair | null;
  /** Base64 of SHA-256 hashes of keys; empty: not given. */
  readonly pins: readonly string[];
}

/** What a `server` line says. Defaults are nginx's. */
export interface PeerOptions {
  readonly address: Address;
  /** The host as configured, before resolution: what a certificate has to be for. */
  readonly hostName: string;
  /** Default 1. */
  readonly weight?: number;
  /** Failures within `failTimeout` that take the peer out; 0 never does. Default 1. */
  readonly maxFails?: number;
  /** Milliseconds, both the window and the time out of service. Default 10 s. */
  readonly failTimeout?: number;
  /** Connections in use at once, per worker; 0 is no limit. Default 0. */
  readonly maxConns?: number;
  readonly backup?: boolean;
  readonly down?: boolean;
  /** One record for all addresses of a line. Default null: the location decides. */
  readonly tls?: ServerTls | null;
}

/** One upstream server address and its state in this worker. */
export class Peer {
  /** What it was made from: peers of equal options are the same server. */
  readonly options: PeerOptions;
  /** As in `$upstream_addr`. */
  readonly name: string;
  readonly hostName: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly address: Address;
  readonly weight: number;
  readonly maxFails: number;
  readonly failTimeout: number;
  readonly maxConns: number;
  readonly backup: boolean;
  readonly down: boolean;
  readonly tls: ServerTls | null;

  /** Requests being served now. Idle pooled connections don't count, as in nginx. */
  connections = 0;
  /** Failures counted against `maxFails`. */
  fails = 0;
  /** When a request last failed, in milliseconds of `now()`. */
  accessedAt = 0;
  /** When it last failed, or was last chosen after `failTimeout` had passed since. */
  checkedAt = 0;
  /** Smooth weighted round robin: the weight at present, lowered by failures. */
  effectiveWeight: number;
  /** Smooth weighted round robin: credit gathered since it was last chosen. */
  currentWeight = 0;

  constructor(options: PeerOptions) {
    this.options = options;
    this.name = formatAddress(options.address);
    this.hostName = options.hostName;
    this.address = options.address;
    this.port = options.address.kind === 'ip' ? options.address.port : 0;
    this.weight = options.weight ?? 1;
    this.maxFails = options.maxFails ?? 1;
    this.failTimeout = options.failTimeout ?? 10_000;
    this.maxConns = options.maxConns ?? 0;
    this.backup = options.backup ?? false;
    this.down = options.down ?? false;
    this.tls = options.tls ?? null;
    this.effectiveWeight = this.weight;
  }
}

/**
 * May a request go to this peer at `time`? Not while it is marked down, is full, or has failed
 * `maxFails` times and `failTimeout` has not passed since it was last checked.
 */
export function isUsable(peer: Peer, time: number): boolean {
  if (peer.down) return false;
  if (isDisabled(peer) && time - peer.checkedAt <= peer.failTimeout) return false;
  return peer.maxConns === 0 || peer.connections < peer.maxConns;
}

/** Has it failed often enough to be left out ("upstream server temporarily disabled")? */
export function isDisabled(peer: Peer): boolean {
  return peer.maxFails > 0 && peer.fails >= peer.maxFails;
}

/**
 * Books a failure: the window starts anew.
 *
 * @param time - of `now()`
 */
export function countFailure(peer: Peer, time: number): void {
  peer.fails += 1;
  peer.accessedAt = time;
  peer.checkedAt = time;
}

/**
 * Books a success: failures are forgotten only when a check came after the last of them, so that
 * successes in between don't hide a peer that fails every other time.
 */
export function countSuccess(peer: Peer): void {
  if (peer.accessedAt < peer.checkedAt) peer.fails = 0;
}

/** To be called for the peer chosen: the first one after `failTimeout` is the check. */
export function noteChosen(peer: Peer, time: number): void {
  peer.connections += 1;
  if (time - peer.checkedAt > peer.failTimeout) peer.checkedAt = time;
}
