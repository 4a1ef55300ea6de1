// The place of one worker among all that share memory.

/** What a worker is given to share memory with the others. */
export interface WorkerSeat {
  /** From 1, unlike those of all other workers that live; 0 for the supervisor. */
  readonly number: number;
  /** Of all workers; see `WorkerCounters`. */
  readonly counters: SharedArrayBuffer;
}
