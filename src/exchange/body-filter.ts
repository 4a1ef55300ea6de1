// What changes the body of a response on its way to the client: compression, substitution, ranges.
// A header filter puts one in for its exchange; bytes then go through all of them in that order.

/** Where a filter's output goes. */
export interface FilterOutput {
  /** The buffer belongs to the receiver from now on. */
  write(chunk: Buffer): void;
  /** Nothing more comes. */
  end(): void;
  /** The filter cannot go on: the answer is cut so that the client sees it. */
  fail(error: Error): void;
  /** After `busy` was true: the filter takes more again. */
  ready(): void;
}

/** One filter of one response. */
export interface BodyFilter {
  /** Called once, before everything else. */
  begin(out: FilterOutput): void;
  /** The buffer belongs to the filter from now on. Output may come at once or later. */
  write(chunk: Buffer): void;
  /** The body is over; `out.end()` must follow, at once or later. */
  end(): void;
  /** More should wait until `out.ready()`. False for filters that emit at once. */
  readonly busy: boolean;
  /** The response is over, also before its time. Called exactly once. */
  close(): void;
}
