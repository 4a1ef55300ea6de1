// A thread that works on a shared table, for tests: adds to the number of a key many times, or
// takes the lock and ends.

import { parentPort, workerData } from 'node:worker_threads';
import { SharedTable } from './shared-table.ts';

/** What the thread is to do. */
export interface TableWork {
  readonly buffer: SharedArrayBuffer;
  readonly bytes: number;
  readonly thread: number;
  readonly keys: readonly string[];
  readonly rounds: number;
  /** Ends in the middle of its work, with the lock in its hands. */
  readonly dies: boolean;
}

const work = workerData as TableWork;
const table = new SharedTable(work.buffer, work.bytes, work.thread);

for (let round = 0; round < work.rounds; round += 1) {
  for (const key of work.keys) {
    table.select(key);
    table.lock();
    let record = table.find(9_999);
    if (record < 0) record = table.add(9_999);
    table.setNumber(record, 0, table.number(record, 0) + 1);
    table.unlock();
  }
}
table.select(`of thread ${work.thread}`);
table.lock();
table.add(work.thread);
if (!work.dies) table.unlock();
parentPort?.postMessage('done');
