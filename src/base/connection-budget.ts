// The connections of one worker, clients' and upstream servers' together, against `worker_connections`,
// and the descriptors of the process against its limit. When either runs short, connections that
// wait idle make room, the longest idle first; only where there are none is a new one turned away.
//
// Room is made before descriptors are gone: the event loop would otherwise accept and close, without
// a word, whatever waits in the backlog (libuv does so on EMFILE, and tells nobody).

import { now } from './clock.ts';
import type { LogLevel } from './error-row.ts';

/** Whoever has connections of which some may be closed without loss. */
export interface IdleConnections {
  /** How many there are. */
  readonly idle: number;
  /** Closes up to `count` of them, the longest idle first, and says how many. */
  closeIdle(count: number): number;
}

/** The clients' side. */
export interface ClientConnections extends IdleConnections {
  /** All of them at present, those in their handshake included. */
  readonly count: number;
}

/** What is short. */
export type Shortage = 'connections' | 'descriptors';

/** Descriptors that are left to logs, temporary files and upstream connections. */
const reserveShare = 8;
const mostReserved = 64;

/** After a search for idle connections that found none, the next one is so many milliseconds later. */
const searchAgainMs = 50;
/** The same shortage is said at most so often, in milliseconds. */
const sayAgainMs = 1000;
/** Most connections closed to make room for one, as in nginx. */
const mostAtOnce = 32;

/** One for each worker, whatever its configuration; asked at each new connection. */
export class ConnectionBudget {
  /** `worker_connections`. */
  limit = Infinity;
  /** Connections to upstream servers, idle ones included. */
  upstreams = 0;
  clients: ClientConnections | null = null;
  /** Asked for room where no client is idle. */
  idleUpstreams: IdleConnections | null = null;
  /** Takes what is said of making room. */
  log: ((level: LogLevel, message: string) => void) | null = null;
  #descriptors = Infinity;
  #reserved = 0;
  /** Of the connection opened last. The system gives the lowest that is free: all below are taken. */
  #lastDescriptor = 0;
  /** At the last look, were idle connections closed? */
  #madeRoom = false;
  #nextSearch = 0;
  #nextWord = 0;

  /** @param limit - descriptors that the process may have */
  limitDescriptors(limit: number): void {
    this.#descriptors = limit;
    this.#reserved = Math.min(mostReserved, Math.ceil(limit / reserveShare));
  }

  /** Connections at present. */
  get used(): number {
    return (this.clients?.count ?? 0) + this.upstreams;
  }

  /** @param descriptor - of a connection that was just opened; undefined: not known */
  note(descriptor: number | undefined): void {
    if (descriptor !== undefined && descriptor >= 0) this.#lastDescriptor = descriptor;
  }

  /**
   * Is there room for one more client, which is accepted already? Where it is short, idle
   * connections are closed.
   *
   * @param descriptor - of its socket; undefined: not known
   * @returns null, or what there is too little of
   */
  admitClient(descriptor: number | undefined): Shortage | null {
    this.note(descriptor);
    if (this.admitUpstream() !== null) return 'connections';
    return this.#fewDescriptors && !this.#madeRoom ? 'descriptors' : null;
  }

  /** As `admitClient`. Descriptors of the reserve are for such a connection as well. */
  admitUpstream(): Shortage | null {
    const { used, limit } = this;
    const few = this.#fewDescriptors;
    // As nginx: from fifteen sixteenths on.
    this.#madeRoom =
      (few || used >= limit - Math.floor(limit / 16)) &&
      this.#makeRoom(few ? 'descriptors' : 'connections');
    return used >= limit && !this.#madeRoom ? 'connections' : null;
  }

  get #fewDescriptors(): boolean {
    return this.#lastDescriptor >= this.#descriptors - this.#reserved;
  }

  /** A descriptor could not be had: room is made for those who come next. */
  descriptorsGone(): void {
    this.#makeRoom('descriptors');
  }

  #makeRoom(what: Shortage): boolean {
    const time = now();
    if (time < this.#nextSearch) return false;
    const closed = closeSome(this.clients) || closeSome(this.idleUpstreams);
    if (closed === 0) this.#nextSearch = time + searchAgainMs;
    else this.#say(what, time);
    return closed > 0;
  }

  #say(what: Shortage, time: number): void {
    if (time < this.#nextWord) return;
    this.#nextWord = time + sayAgainMs;
    this.log?.('warn', `${describeShortage(what, this.limit)}, reusing connections`);
  }
}

/** @param limit - `worker_connections` */
export function describeShortage(what: Shortage, limit: number): string {
  return what === 'connections'
    ? `${limit} worker_connections are not enough`
    : 'open files are near their limit (worker_rlimit_nofile)';
}

function closeSome(source: IdleConnections | null): number {
  if (source === null) return 0;
  return source.closeIdle(Math.max(Math.min(mostAtOnce, source.idle >> 3), 1));
}
