// Which virtual server answers for a host: exact name, longest "*.name", longest "name.*", first
// matching regular expression, and the default server of the port (nginx, "Server names").

import type { Matcher } from '../exchange/matcher.ts';
import { keepCaptures, type CaptureSlot } from '../exchange/variable.ts';
import type { Exchange } from '../exchange/exchange.ts';

/** A regular expression among the names, with the variables that its groups fill. */
export interface NamePattern {
  readonly regex: Matcher;
  readonly slots: readonly CaptureSlot[];
}

/** One name of one server, as the compiler read it. */
export type ServerName =
  | { readonly kind: 'exact'; readonly name: string }
  /** "*.example.com" (`bare` false) or ".example.com" (`bare` true); name is ".example.com". */
  | { readonly kind: 'leading'; readonly name: string; readonly bare: boolean }
  /** "www.example.*"; name is "www.example.". */
  | { readonly kind: 'trailing'; readonly name: string }
  | { readonly kind: 'regex'; readonly pattern: NamePattern };

/** The names of all servers of one port. */
export class ServerNames<S> {
  readonly #exact = new Map<string, S>();
  readonly #leading = new Map<string, S>();
  readonly #trailing = new Map<string, S>();
  readonly #patterns: { pattern: NamePattern; server: S }[] = [];
  #onlyExact = true;

  /** @returns false where another server of the port has the name already: the first one keeps it */
  add(name: ServerName, server: S): boolean {
    switch (name.kind) {
      case 'exact':
        return addNew(this.#exact, name.name, server);
      case 'leading':
        this.#onlyExact = false;
        if (name.bare) addNew(this.#exact, name.name.slice(1), server);
        return addNew(this.#leading, name.name, server);
      case 'trailing':
        this.#onlyExact = false;
        return addNew(this.#trailing, name.name, server);
      case 'regex':
        this.#onlyExact = false;
        this.#patterns.push({ pattern: name.pattern, server });
        return true;
    }
  }

  /**
   * @param host - lower case, without port
   * @param x - gets the captures of a regular expression; null while there is no request yet
   */
  find(host: string, x: Exchange | null): S | null {
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    if (this.#onlyExact) return null;
    return this.#findLeading(host) ?? this.#findTrailing(host) ?? this.#findPattern(host, x);
  }

  #findLeading(host: string): S | null {
    if (this.#leading.size === 0) return null;
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const found = this.#leading.get(host.slice(dot));
      if (found !== undefined) return found;
    }
    return null;
  }

  #findTrailing(host: string): S | null {
    if (this.#trailing.size === 0) return null;
    for (let dot = host.lastIndexOf('.'); dot > 0; dot = host.lastIndexOf('.', dot - 1)) {
      const found = this.#trailing.get(host.slice(0, dot + 1));
      if (found !== undefined) return found;
    }
    return null;
  }

  #findPattern(host: string, x: Exchange | null): S | null {
    for (const one of this.#patterns) {
      const match = one.pattern.regex.exec(host);
      if (match === null) continue;
      if (x !== null) keepCaptures(x, match, one.pattern.slots);
      return one.server;
    }
    return null;
  }
}

function addNew<S>(map: Map<string, S>, name: string, server: S): boolean {
  const known = map.get(name);
  if (known !== undefined) return known === server;
  map.set(name, server);
  return true;
}
