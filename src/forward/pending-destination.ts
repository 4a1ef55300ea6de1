// A request whose server has to be looked up first: it waits, owned by this, until the answer is there
// or the client goes away.

import type { ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { answerStatus, guarded } from '../server/phases.ts';
import type { Waiting } from '../upstream/resolver.ts';
import type { Destination } from './proxy-settings.ts';

/**
 * Looks for a destination. `done` is called once, never before this returns, with a status where
 * there is none (the reason is logged).
 */
export type DestinationSearch = (done: (found: Destination | number) => void) => Waiting;

/** A destination that is not known yet. */
export class PendingDestination {
  readonly #search: DestinationSearch;

  constructor(search: DestinationSearch) {
    this.#search = search;
  }

  /**
   * Takes the request over until the destination is known.
   *
   * @param survivesAbort - `proxy_ignore_client_abort`
   * @param proceed - goes on with the request
   */
  wait(
    x: Exchange,
    survivesAbort: boolean,
    proceed: (x: Exchange, destination: Destination) => number,
  ): void {
    let waiting: Waiting | null = null;
    const owner: ExchangeOwner = {
      survivesAbort,
      onClientDrain: () => undefined,
      onClientAborted: () => {
        x.owner = null;
        waiting?.cancel();
      },
    };
    x.owner = owner;
    waiting = this.#search((found) => {
      if (x.owner !== owner) return;
      x.owner = null;
      guarded(x, () => {
        const status = typeof found === 'number' ? found : proceed(x, found);
        if (status > 0) answerStatus(x, status);
      });
    });
  }
}
