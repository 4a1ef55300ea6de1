// `auth_delay`: who is refused with 401 waits for the answer, so that passwords can't be tried as
// fast as the network allows.

import type { Scope } from '../config/scope.ts';
import type { ExchangeOwner } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HANDLED, type Handler } from '../exchange/handler.ts';
import { answerStatus, guarded } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { LocationBuild, Module } from './module.ts';
import { timeRow } from './row-shapes.ts';

export const authDelay = timeRow({
  name: 'auth_delay',
  default: '0s',
  help:
    'How long an answer of status 401 or 407 is held back (auth_basic, auth_request): against ' +
    'guessing. ' +
    '0 for not at all.',
  example: 'auth_delay 500ms;',
});

class Delay implements ExchangeOwner {
  readonly survivesAbort = false;
  readonly #timer: NodeJS.Timeout;

  constructor(x: Exchange, ms: number, status: number) {
    this.#timer = setTimeout(() => {
      guarded(x, () => {
        if (!x.finished) answerStatus(x, status);
      });
    }, ms);
  }

  onClientDrain(): void {
    // Nothing has been sent yet.
  }

  onClientAborted(): void {
    clearTimeout(this.#timer);
  }
}

/** The handlers of the access phase, those that refuse with 401 or 407 after a delay. */
export function delayRefusals(handlers: readonly Handler[], ms: number): readonly Handler[] {
  return handlers.map((handler) => (x) => {
    const verdict = handler(x);
    if (verdict !== 401 && verdict !== 407) return verdict;
    logError(x, 'info', 'delaying unauthorized request');
    x.owner = new Delay(x, ms, verdict);
    return HANDLED;
  });
}

function location(scope: Scope, build: LocationBuild): void {
  build.authDelay = scope.get(authDelay);
}

export const authDelayModule: Module = {
  name: 'auth_delay',
  directives: [authDelay],
  location,
};
