// One address of one `server` line. A server whose name has several addresses is several peers.
// All that changes while requests are served are numbers in cells: of the peer's own, or in memory
// that all workers share (`zone`), which neither a balancer nor its caller has to know.

import { createHash } from 'node:crypto';
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
  /** Connections in use at once, per worker unless in a zone; 0 is no limit. Default 0. */
  readonly maxConns?: number;
  readonly backup?: boolean;
  readonly down?: boolean;
  /** Gets only requests that are bound to it (`sticky`). */
  readonly drain?: boolean;
  /** What requests are bound to it by; default: a hash of its address. */
  readonly route?: string | null;
  /** Milliseconds in which its weight grows from nothing once it is back; 0: at once. */
  readonly slowStart?: number;
  /** The address as configured, which consistent hashing goes by. Default: the peer's name. */
  readonly server?: string;
  /** One record for all addresses of a line. Default null: the location decides. */
  readonly tls?: ServerTls | null;
}

/** Places of a peer's numbers among its cells. */
export const Cell = {
  connections: 0,
  fails: 1,
  accessedAt: 2,
  checkedAt: 3,
  effectiveWeight: 4,
  currentWeight: 5,
  slowSince: 6,
  unhealthy: 7,
  headerTime: 8,
  responseTime: 9,
  inflight: 10,
  inflightChangedAt: 11,
  inflightSum: 12,
  inflightTime: 13,
  /** Which active checks have spoken of it: a bit for each, as in `unhealthy`. */
  checked: 14,
  /** Workers that have the peer. */
  holders: 15,
} as const;

/** Cells of one peer: two lines of what a processor moves at a time. */
export const cellsPerPeer = 16;

/** Where the numbers of a peer are. */
export interface PeerPlace {
  readonly cells: Float64Array;
  /** The first of its cells. */
  readonly at: number;
  /** Connections by worker, so that those of one that has died can be given back; null: not shared. */
  readonly ledger: Int32Array | null;
  /** Of this worker and peer. */
  readonly ledgerAt: number;
}

/** One upstream server address and its state. */
export class Peer {
  /** What it was made from: peers of equal options are the same server. */
  readonly options: PeerOptions;
  /** As in `$upstream_addr`. */
  readonly name: string;
  readonly hostName: string;
  /** As configured. */
  readonly server: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly address: Address;
  readonly weight: number;
  readonly maxFails: number;
  readonly failTimeout: number;
  readonly maxConns: number;
  readonly slowStart: number;
  readonly backup: boolean;
  readonly down: boolean;
  readonly drain: boolean;
  /** Down or draining: gets no request that is not bound to it. */
  readonly out: boolean;
  readonly tls: ServerTls | null;
  /** Its name has other addresses now: what runs ends here, nothing begins. */
  left = false;
  #cells: Float64Array;
  #at = 0;
  #ledger: Int32Array | null = null;
  #ledgerAt = 0;
  #sid: string | null;

  constructor(options: PeerOptions) {
    this.options = options;
    this.name = formatAddress(options.address);
    this.hostName = options.hostName;
    this.server = options.server ?? this.name;
    this.address = options.address;
    this.port = options.address.kind === 'ip' ? options.address.port : 0;
    this.weight = options.weight ?? 1;
    this.maxFails = options.maxFails ?? 1;
    this.failTimeout = options.failTimeout ?? 10_000;
    this.maxConns = options.maxConns ?? 0;
    this.slowStart = options.slowStart ?? 0;
    this.backup = options.backup ?? false;
    this.down = options.down ?? false;
    this.drain = options.drain ?? false;
    this.out = this.down || this.drain;
    this.tls = options.tls ?? null;
    this.#cells = new Float64Array(cellsPerPeer);
    this.#sid = options.route ?? null;
    this.effectiveWeight = this.weight;
  }

  /** From now on its numbers are there. What they were before is lost. */
  moveTo(place: PeerPlace): void {
    this.#cells = place.cells;
    this.#at = place.at;
    this.#ledger = place.ledger;
    this.#ledgerAt = place.ledgerAt;
  }

  /** What requests are bound to it by: its route, or the MD5 of its address in hex as in nginx. */
  get sid(): string {
    this.#sid ??= createHash('md5').update(this.name).digest('hex');
    return this.#sid;
  }

  /** Requests being served now. Idle pooled connections don't count, as in nginx. */
  get connections(): number {
    return this.read(Cell.connections);
  }

  /** One request more is served. */
  take(): void {
    this.write(Cell.connections, this.connections + 1);
    const ledger = this.#ledger;
    if (ledger !== null) ledger[this.#ledgerAt] = (ledger[this.#ledgerAt] ?? 0) + 1;
  }

  /** One less. */
  release(): void {
    this.write(Cell.connections, this.connections - 1);
    const ledger = this.#ledger;
    if (ledger !== null) ledger[this.#ledgerAt] = (ledger[this.#ledgerAt] ?? 0) - 1;
  }

  /** Failures counted against `maxFails`. */
  get fails(): number {
    return this.read(Cell.fails);
  }

  set fails(value: number) {
    this.write(Cell.fails, value);
  }

  /** When a request last failed, in milliseconds of `now()`. */
  get accessedAt(): number {
    return this.read(Cell.accessedAt);
  }

  set accessedAt(value: number) {
    this.write(Cell.accessedAt, value);
  }

  /** When it last failed, or was last chosen after `failTimeout` had passed since. */
  get checkedAt(): number {
    return this.read(Cell.checkedAt);
  }

  set checkedAt(value: number) {
    this.write(Cell.checkedAt, value);
  }

  /** Smooth weighted round robin: the weight at present, lowered by failures. */
  get effectiveWeight(): number {
    return this.read(Cell.effectiveWeight);
  }

  set effectiveWeight(value: number) {
    this.write(Cell.effectiveWeight, value);
  }

  /** Smooth weighted round robin: credit gathered since it was last chosen. */
  get currentWeight(): number {
    return this.read(Cell.currentWeight);
  }

  set currentWeight(value: number) {
    this.write(Cell.currentWeight, value);
  }

  /** Have active checks found it unfit? */
  get unhealthy(): boolean {
    return this.read(Cell.unhealthy) !== 0;
  }

  set unhealthy(value: boolean) {
    this.write(Cell.unhealthy, value ? 1 : 0);
  }

  /** One of its numbers, by its place in `Cell`. */
  read(cell: number): number {
    return this.#cells[this.#at + cell] ?? 0;
  }

  write(cell: number, value: number): void {
    this.#cells[this.#at + cell] = value;
  }
}

/**
 * May any request go to this peer at `time`? Not while it is marked down or drained, is full, or
 * has failed `maxFails` times and `failTimeout` has not passed since it was last checked.
 */
export function isUsable(peer: Peer, time: number): boolean {
  return !peer.out && canServe(peer, time);
}

/** The same for a request that is bound to it: it may be draining. */
export function canServe(peer: Peer, time: number): boolean {
  if (peer.down || peer.unhealthy) return false;
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
 *
 * @param time - of `now()`
 */
export function countSuccess(peer: Peer, time: number): void {
  if (peer.accessedAt >= peer.checkedAt) return;
  if (isDisabled(peer)) startSlowly(peer, time);
  peer.fails = 0;
}

/** To be called when a peer that was left out is back: its weight grows anew (`slow_start`). */
export function startSlowly(peer: Peer, time: number): void {
  if (peer.slowStart > 0) peer.write(Cell.slowSince, time);
}

/** Which part of its weight a peer has while it starts slowly: above 0 and up to 1. */
export function slowShare(peer: Peer, time: number): number {
  if (peer.slowStart === 0) return 1;
  const passed = time - peer.read(Cell.slowSince);
  return passed >= peer.slowStart ? 1 : Math.max(passed, 1) / peer.slowStart;
}

/** To be called for the peer chosen: the first one after `failTimeout` is the check. */
export function noteChosen(peer: Peer, time: number): void {
  peer.take();
  if (time - peer.checkedAt > peer.failTimeout) peer.checkedAt = time;
}
