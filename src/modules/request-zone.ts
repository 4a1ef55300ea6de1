// The leaky buckets of one `limit_req_zone`, in memory that all workers share. All is counted as in
// nginx: a bucket has an excess in thousandths of a request, which each request raises by 1000 and
// time lowers by the rate, all in whole numbers.

import type { SharedTable } from '../base/shared-table.ts';

/** What a zone says of a request. */
export const Look = {
  /** Within the limit, and counted. */
  counted: 0,
  /** Within the limit; not counted yet. */
  within: 1,
  /** Over the limit; not counted. */
  over: 2,
  /** There is no room for another bucket. */
  full: 3,
} as const;

/** Numbers of a record. */
const Field = { excess: 0, last: 1 } as const;
/** The records belong to no worker alone. */
const everybody = 1 << 30;
/** A bucket that is empty for so long may go. */
const idleMs = 60_000;

/** One zone. */
export class RequestZone {
  readonly name: string;
  /** Thousandths of a request per second. */
  readonly rate: number;
  /** After `look` and `count`: the excess, in thousandths. */
  excess = 0;
  readonly #table: SharedTable;

  constructor(name: string, rate: number, table: SharedTable) {
    this.name = name;
    this.rate = rate;
    this.#table = table;
  }

  /**
   * Looks whether a request is within the limit.
   *
   * @param burst - thousandths of a request
   * @param time - milliseconds of a steady clock, the same for all workers
   * @param counts - whether to count it, if so, in the same step
   */
  look(key: string, burst: number, time: number, counts: boolean): number {
    const table = this.#table;
    table.select(key);
    table.lock();
    const found = table.find(everybody);
    const record = found < 0 ? this.#add(time) : found;
    let verdict: number = Look.full;
    if (found >= 0) {
      table.touch(record);
      this.excess = this.#excessAt(record, time);
      verdict = this.excess > burst ? Look.over : counts ? Look.counted : Look.within;
      if (verdict === Look.counted) this.#store(record, time);
    } else if (record >= 0) {
      this.excess = 0;
      verdict = counts ? Look.counted : Look.within;
      // Of what is not counted yet, the beginning of time.
      if (counts) table.setNumber(record, Field.last, time);
    }
    table.unlock();
    return verdict;
  }

  /** Counts a request that `look` found within the limit. */
  count(key: string, time: number): void {
    const table = this.#table;
    table.select(key);
    table.lock();
    const found = table.find(everybody);
    const record = found < 0 ? this.#add(time) : found;
    if (record >= 0) {
      this.excess = this.#excessAt(record, time);
      this.#store(record, time);
    }
    table.unlock();
  }

  /** Milliseconds that a request waits so that no more than the rate goes on. */
  delayFor(excess: number, free: number): number {
    return excess <= free ? 0 : Math.floor(((excess - free) * 1000) / this.rate);
  }

  #store(record: number, time: number): void {
    const table = this.#table;
    table.setNumber(record, Field.excess, this.excess);
    if (this.#since(record, time) !== 0) table.setNumber(record, Field.last, time);
  }

  // Workers read their clocks before they have the lock, so time may seem to go back a little.
  #since(record: number, time: number): number {
    return Math.max(0, time - this.#table.number(record, Field.last));
  }

  #excessAt(record: number, time: number): number {
    const drained = Math.floor((this.rate * this.#since(record, time)) / 1000);
    return Math.max(0, this.#table.number(record, Field.excess) - drained + 1000);
  }

  #add(time: number): number {
    const table = this.#table;
    this.#expire(time, false);
    const record = table.add(everybody);
    if (record >= 0) return record;
    this.#expire(time, true);
    return table.add(everybody);
  }

  // One or two that have drained; before them, where room is needed, the oldest whatever it holds.
  #expire(time: number, force: boolean): void {
    const table = this.#table;
    for (let i = force ? 0 : 1; i < 3; i += 1) {
      const oldest = table.oldest();
      if (oldest < 0) return;
      if (i > 0) {
        const idle = this.#since(oldest, time);
        const drained = Math.floor((this.rate * idle) / 1000);
        if (idle < idleMs || table.number(oldest, Field.excess) > drained) return;
      }
      table.remove(oldest);
    }
  }
}
