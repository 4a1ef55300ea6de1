// What each worker has done, in memory that all of them read: for `stub_status`. Each worker writes
// its own line alone, by plain stores and without waiting for anybody; who asks adds the lines up.

/** Numbers of a line; a line is what a processor moves at a time, so that writers don't meet. */
const lineLength = 8;
/** Most threads at a time, those that drain included, and the line of those that are gone. */
export const mostWorkers = 1_024;

const Field = {
  accepted: 0,
  refused: 1,
  closed: 2,
  started: 3,
  ended: 4,
  partial: 5,
} as const;

/** In the line of those that are gone: the highest seat that ever had a worker. */
const highestSeat = 7;

/** What all workers together have done and are doing. */
export interface CounterTotals {
  /** Connections so far. */
  readonly accepts: number;
  /** Those of them that were not turned away (`worker_connections`). */
  readonly handled: number;
  readonly requests: number;
  /** Connections that are open, those in their TLS handshake included. */
  readonly active: number;
  /** Connections on which a part of a request head has arrived. */
  readonly reading: number;
  /** Requests that are being answered. */
  readonly writing: number;
  /** Connections with nothing under way. */
  readonly waiting: number;
}

/** The line of one worker, and a view of all others. */
export class WorkerCounters {
  readonly #all: Float64Array;
  readonly #line: Float64Array;

  /** Memory for the counters of one proxy. */
  static create(): SharedArrayBuffer {
    return new SharedArrayBuffer(mostWorkers * lineLength * 8);
  }

  /** @param seat - of this worker: from 1; 0 is nobody's and only looks */
  constructor(buffer: SharedArrayBuffer, seat: number) {
    this.#all = new Float64Array(buffer);
    this.#line = this.#all.subarray(seat * lineLength, (seat + 1) * lineLength);
    this.reserve(seat);
  }

  /** Has the line of a seat added up. To be called by the supervisor before a worker has the seat. */
  reserve(seat: number): void {
    if (seat > (this.#all[highestSeat] ?? 0)) this.#all[highestSeat] = seat;
  }

  accepted(): void {
    this.#add(Field.accepted, 1);
  }

  /** After `accepted`: the connection was turned away. */
  refused(): void {
    this.#add(Field.refused, 1);
    this.#add(Field.closed, 1);
  }

  closed(): void {
    this.#add(Field.closed, 1);
  }

  /** The head of a request is whole, or the request has failed before. */
  started(): void {
    this.#add(Field.started, 1);
  }

  ended(): void {
    this.#add(Field.ended, 1);
  }

  /** @param change - 1 where the beginning of a head waits for its end, -1 where it no longer does */
  partial(change: 1 | -1): void {
    this.#add(Field.partial, change);
  }

  #add(field: number, change: number): void {
    this.#line[field] = (this.#line[field] ?? 0) + change;
  }

  /** The sums over all workers, those that are gone included. */
  totals(): CounterTotals {
    const sums: number[] = [0, 0, 0, 0, 0, 0];
    const end = ((this.#all[highestSeat] ?? 0) + 1) * lineLength;
    for (let at = 0; at < end; at += lineLength) {
      for (let field = 0; field < sums.length; field += 1) {
        sums[field] = (sums[field] ?? 0) + (this.#all[at + field] ?? 0);
      }
    }
    const [accepts = 0, refused = 0, closed = 0, started = 0, ended = 0, partial = 0] = sums;
    const active = accepts - closed;
    const writing = started - ended;
    return {
      accepts,
      handled: accepts - refused,
      requests: started + partial,
      active,
      reading: partial,
      writing,
      waiting: Math.max(0, active - partial - writing),
    };
  }

  /** A worker is gone, and all its connections with it: what it has done is kept, its line freed. */
  forget(seat: number): void {
    const from = seat * lineLength;
    const line = this.#all.subarray(from, from + lineLength);
    const past = this.#all.subarray(0, lineLength);
    const value = (field: number): number => line[field] ?? 0;
    const keep = (field: number, change: number): void => {
      past[field] = (past[field] ?? 0) + change;
    };
    keep(Field.accepted, value(Field.accepted));
    keep(Field.refused, value(Field.refused));
    keep(Field.closed, value(Field.accepted));
    const requests = value(Field.started) + value(Field.partial);
    keep(Field.started, requests);
    keep(Field.ended, requests);
    line.fill(0);
  }
}
