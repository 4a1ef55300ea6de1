// The counts of one `limit_conn_zone`, in memory that all workers share: for each key, how many
// requests each worker has under way. A worker changes its own counts alone, so that those of one
// that dies can be taken out.

import type { SharedTable } from '../base/shared-table.ts';

/** Number of a record: requests under way. */
const count = 0;

/** One zone. */
export class ConnectionZone {
  readonly name: string;
  readonly #table: SharedTable;
  readonly #worker: number;

  /** @param worker - number of this worker among those that share the table */
  constructor(name: string, table: SharedTable, worker: number) {
    this.name = name;
    this.#table = table;
    this.#worker = worker;
  }

  /**
   * Counts a request.
   *
   * @param most - as many may be under way over all workers
   * @returns what to give back with `leave`; -1 where the limit is reached, -2 where the zone is full
   */
  enter(key: string, most: number): number {
    const table = this.#table;
    table.select(key);
    table.lock();
    let record = -1;
    if (table.sum(count) < most) {
      record = table.find(this.#worker);
      if (record < 0) record = table.add(this.#worker);
      if (record < 0) record = -2;
      else table.setNumber(record, count, table.number(record, count) + 1);
    }
    table.unlock();
    return record;
  }

  /** The request is over. */
  leave(record: number): void {
    const table = this.#table;
    table.lock();
    if (table.isOf(record, this.#worker)) {
      const left = table.number(record, count) - 1;
      if (left > 0) table.setNumber(record, count, left);
      else table.remove(record);
    }
    table.unlock();
  }
}
