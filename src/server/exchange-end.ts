// What is done at the end of every exchange, of a client's and of a subrequest.

import type { Exchange } from '../exchange/exchange.ts';
import { failInternally, locationOf } from './phases.ts';

/** Writes its lines to the logs of its location. */
export function logExchange(x: Exchange): void {
  for (const log of locationOf(x).logHandlers) {
    try {
      log(x);
    } catch (thrown) {
      failInternally(x, thrown);
    }
  }
}

/** Gives back what it held; to be called once, after it has been logged. */
export function releaseExchange(x: Exchange): void {
  x.storedBody?.close();
  for (let ending = x.endings; ending !== null; ending = ending.next) ending.end(x);
}
