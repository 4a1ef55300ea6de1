// `sticky route`: the request carries the id of its server; the first variable that has a value
// has it.

import type { Exchange } from '../exchange/exchange.ts';
import type { Getter } from '../exchange/variable.ts';
import type { Binding } from './sticky.ts';

/** The first value that is not empty; null where all are. */
export function firstValue(x: Exchange, getters: readonly Getter[]): string | null {
  for (const get of getters) {
    const value = get(x);
    if (value !== null && value !== '') return value;
  }
  return null;
}

export class StickyRoute implements Binding {
  readonly #routes: readonly Getter[];

  constructor(routes: readonly Getter[]) {
    this.#routes = routes;
  }

  lookup(x: Exchange): string | null {
    return firstValue(x, this.#routes);
  }

  onHead(): void {}

  onEnd(): void {}
}
