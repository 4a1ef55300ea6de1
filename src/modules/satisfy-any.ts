// `satisfy any`: the access handlers of a location, so that one of them suffices. Each may answer
// later and be asked again, as handlers of other phases.

import type { Exchange } from '../exchange/exchange.ts';
import { ALLOWED, NEXT, type Handler } from '../exchange/handler.ts';
import { logError } from '../server/request-log.ts';
import { hiddenField } from '../server/response-head.ts';

/** The handlers in a row that lets a request through where any of them does, or none objects. */
export function anyOf(handlers: readonly Handler[]): readonly Handler[] {
  if (handlers.length === 0) return handlers;
  return [begin, ...handlers.map(unlessDecided), conclude];
}

function begin(x: Exchange): number {
  x.accessCode = -1;
  return NEXT;
}

function unlessDecided(handler: Handler): Handler {
  return (x) => {
    if (x.accessCode === 0) return NEXT;
    const verdict = handler(x);
    if (verdict === ALLOWED) {
      x.accessCode = 0;
      hideChallenge(x);
      return NEXT;
    }
    if (verdict !== 401 && verdict !== 407 && verdict !== 403) return verdict;
    if (x.accessCode <= 0 || x.accessCode === 403) x.accessCode = verdict;
    return NEXT;
  };
}

function conclude(x: Exchange): number {
  if (x.accessCode <= 0) return NEXT;
  if (x.accessCode === 403) logError(x, 'error', 'access forbidden by rule');
  return x.accessCode;
}

// Of a check that refused before another one let the request through.
function hideChallenge({ fields }: Exchange): void {
  fields.names.forEach((name, i) => {
    if (/^(?:www|proxy)-authenticate$/i.test(name)) fields.ids[i] = hiddenField;
  });
}
