// The listening sockets of all workers: bound in the main thread, while it may still be root. Each
// worker has its own socket on the same address (SO_REUSEPORT), which would also let a second
// process take half of the connections unnoticed: so every address is first opened without that
// option, and one that is in use is refused. `SharedSockets` keeps them; `OwnSockets` gives them away.

import { BoundSocket } from 'node:net';
import { formatAddress, type Address } from '../base/address.ts';
import { SallyportError } from '../base/errors.ts';
import type { ListenSetting } from './load.ts';
import type { JobListener } from './engine-parts.ts';
import { failedCall } from './system-error.ts';

/** Where a `listen` really listens: its port may have been 0. */
export interface BoundAddress {
  /** As in `LoadedConfiguration.listens`. */
  readonly key: string;
  readonly address: Address;
}

/** What a worker's share of the sockets has become. */
export interface ShareChange {
  readonly open: readonly JobListener[];
  /** Ids of `JobListener`. */
  readonly close: readonly string[];
}

/** A socket that is passed on to another process. */
export interface HandedSocket {
  readonly descriptor: number;
  /**
   * Did this program bind it? Then the file of a unix socket is its to remove, and further sockets
   * may be bound beside it. systemd keeps its own.
   */
  readonly ours: boolean;
}

/** All listening sockets of one proxy. */
export interface ListenSockets {
  /** Where it really listens. */
  addresses(): readonly BoundAddress[];
  /** Those that are not bound yet. */
  added(listens: readonly ListenSetting[]): readonly ListenSetting[];
  /**
   * Makes sure that nobody else listens on any of these addresses.
   *
   * @throws SallyportError LISTEN_FAILED with one line for each address that cannot be used
   */
  probe(listens: readonly ListenSetting[]): void;
  /**
   * Binds what is missing for so many workers.
   *
   * @throws SallyportError LISTEN_FAILED; what was bound stays so until `keepOnly` or `close`
   */
  bind(listens: readonly ListenSetting[], workers: number): Promise<void>;
  /**
   * The sockets of one worker on these addresses.
   *
   * @throws SallyportError LISTEN_FAILED
   */
  forWorker(workerId: number, listens: readonly ListenSetting[]): readonly JobListener[];
  /** A worker listens on what `forWorker` or `change` gave it. */
  served(workerId: number, listeners: readonly JobListener[]): void;
  /** A worker has ended: it listens on nothing. `down`: its successor is a while away. */
  gone(workerId: number, options: { readonly down: boolean }): void;
  /** What a worker has to listen on besides, or no more; null where that is nothing. */
  change(workerId: number): ShareChange | null;
  /** Prepares for the time when no low port can be bound any more. */
  reserve(listens: readonly ListenSetting[], workers: number): void;
  /** Forgets the addresses that are not among `listens`; the engines close their sockets. */
  keepOnly(listens: readonly ListenSetting[]): void;
  /** What is given to a program that is to take over; it stays open here. */
  handOver(): readonly HandedSocket[];
  /** For the error log: inherited sockets that nobody asked for. They are closed. */
  unused(): readonly string[];
  /**
   * This process stops to accept for a while: where the older one that it was started by still does,
   * that alone is to get the connections. Workers close their part once they have ended.
   */
  yieldToGiver(): void;
  /** Another process listens on unix sockets as well: their files stay when this one ends. */
  leaveFiles(leave: boolean): void;
  /** Closes and forgets everything. */
  close(): void;
}

/** Does this system spread connections over several sockets on one port? */
export function supportsReusePort(): boolean {
  try {
    new BoundSocket({ host: '127.0.0.1', port: 0, reusePort: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** As `ListenSockets.probe`. */
export function probeAll(listens: readonly ListenSetting[]): void {
  const failures: SallyportError[] = [];
  for (const { address, ipv6Only } of listens) {
    if (address.kind === 'unix' || address.port === 0) continue;
    const error = listenProblem(address, ipv6Only);
    if (error !== null) failures.push(bindError(address, error));
  }
  throwAll(failures);
}

/**
 * Why an address cannot be listened on now; null where it can. Nothing listens for it: who waits for
 * the port to open must not be let in before there is somebody to answer.
 */
export function listenProblem(
  { host, port }: Address & { kind: 'ip' },
  ipv6Only: boolean,
): NodeJS.ErrnoException | null {
  try {
    // Not to be shared, else another instance of this program would not be noticed.
    const ipv6 = host.includes(':') && ipv6Only;
    new BoundSocket({ host, port, ipv6Only: ipv6, reusePort: false }).close();
    return null;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** Binds one socket. */
export function openSocket(
  address: Address & { kind: 'ip' },
  listen: ListenSetting,
  reusePort: boolean,
): BoundSocket {
  const { host, port } = address;
  const ipv6Only = host.includes(':') && listen.ipv6Only;
  return new BoundSocket({ host, port, ipv6Only, reusePort });
}

/** An address that cannot be bound, in nginx's words. */
export function bindError(address: Address, error: unknown): SallyportError {
  if (error instanceof SallyportError) return error;
  const hint =
    (error as NodeJS.ErrnoException).code === 'EACCES'
      ? '; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE'
      : '';
  const message = failedCall(`bind() to ${formatAddress(address)}`, error) + hint;
  return new SallyportError('LISTEN_FAILED', message, error);
}

/** Several failures as one. */
export function throwAll(failures: readonly SallyportError[]): void {
  if (failures.length === 0) return;
  const message = failures.map((failure) => failure.message).join('\n');
  throw new SallyportError('LISTEN_FAILED', message, failures[0]);
}
