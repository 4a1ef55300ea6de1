// What has to be given back when an exchange ends, in whichever way: a place of `limit_conn`, for
// instance. A list by links, so that the usual exchange, which has none, has nothing to do.

import type { Exchange } from './exchange.ts';

/** One thing to give back. */
export interface Ending {
  /** The one after it in the list of its exchange. */
  next: Ending | null;
  /** Called once, when the exchange has been logged. Must not throw. */
  end(x: Exchange): void;
}
