// Finds the location of a path: exact ones by hash, prefixes by a radix tree (the cost follows the
// length of the path, not the number of locations), then regular expressions in order.

import type { Exchange } from '../exchange/exchange.ts';
import { keepCaptures } from '../exchange/variable.ts';
import type { Location } from './location.ts';

interface RadixNode {
  readonly text: string;
  location: Location | null;
  readonly children: Map<number, RadixNode>;
}

/** Where a search ended; `redirect` asks for a 301 to the location's own name. */
export interface LocationMatch {
  location: Location | null;
  redirect: boolean;
}

/** The locations of one level: a server's, or those nested in one location. */
export class LocationTree {
  readonly #exact = new Map<string, Location>();
  readonly #redirects = new Map<string, Location>();
  readonly #named = new Map<string, Location>();
  readonly #patterns: Location[] = [];
  #root: RadixNode = { text: '', location: null, children: new Map() };

  /** @returns false where there is such a location already */
  add(location: Location): boolean {
    switch (location.kind) {
      case 'exact':
        if (location.autoRedirect) this.#redirects.set(location.name.slice(0, -1), location);
        return setNew(this.#exact, location.name, location);
      case 'named':
        return setNew(this.#named, location.name, location);
      case 'regex':
        this.#patterns.push(location);
        return true;
      case 'prefix':
        return this.#addPrefix(location);
      case 'server':
      case 'implicit':
        return false;
    }
  }

  #addPrefix(location: Location): boolean {
    const name = location.name;
    if (location.autoRedirect && !this.#exact.get(name)?.autoRedirect) {
      this.#redirects.set(name.slice(0, -1), location);
    }
    const split = insert(this.#root, name);
    if (split.location !== null) return false;
    split.location = location;
    return true;
  }

  named(name: string): Location | null {
    return this.#named.get(name) ?? null;
  }

  /**
   * Looks for the location of `x.uri`; captures of a regular expression go to `x`.
   * The result is stored in `match`.
   */
  find(x: Exchange, match: LocationMatch): void {
    this.#search(x, match);
  }

  // True: the search is over. False: a prefix at most was found, which regular expressions of the
  // levels above may still beat.
  #search(x: Exchange, match: LocationMatch): boolean {
    const exact = this.#exact.size === 0 ? undefined : this.#exact.get(x.uri);
    if (exact !== undefined) {
      match.location = exact;
      return true;
    }
    const prefix = this.#longestPrefix(x.uri);
    if (this.#redirects.size > 0 && (prefix === null || prefix.name.length < x.uri.length)) {
      const redirect = this.#redirects.get(x.uri);
      if (redirect !== undefined) {
        match.location = redirect;
        match.redirect = true;
        return true;
      }
    }
    let noRegex = false;
    if (prefix !== null) {
      match.location = prefix;
      noRegex = prefix.noRegex;
      if (prefix.nested !== null && prefix.nested.#search(x, match)) return true;
    }
    return !noRegex && this.#searchPatterns(x, match);
  }

  #searchPatterns(x: Exchange, match: LocationMatch): boolean {
    for (const one of this.#patterns) {
      const found = one.regex?.exec(x.uri);
      if (found === null || found === undefined) continue;
      keepCaptures(x, found, one.slots);
      match.location = one;
      if (one.nested !== null) one.nested.#search(x, match);
      return true;
    }
    return false;
  }

  #longestPrefix(path: string): Location | null {
    let node = this.#root;
    let best = node.location;
    let at = 0;
    while (at < path.length) {
      const child = node.children.get(path.charCodeAt(at));
      if (child === undefined || !path.startsWith(child.text, at)) return best;
      at += child.text.length;
      node = child;
      if (node.location !== null) best = node.location;
    }
    return best;
  }
}

function setNew(map: Map<string, Location>, name: string, location: Location): boolean {
  if (map.has(name)) return false;
  map.set(name, location);
  return true;
}

// Walks down along `name`, splitting an edge where it parts from it, and returns the node at its end.
function insert(root: RadixNode, name: string): RadixNode {
  let node = root;
  let rest = name;
  while (rest !== '') {
    const code = rest.charCodeAt(0);
    const child = node.children.get(code);
    if (child === undefined) {
      const leaf: RadixNode = { text: rest, location: null, children: new Map() };
      node.children.set(code, leaf);
      return leaf;
    }
    const shared = sharedLength(child.text, rest);
    if (shared < child.text.length) {
      const upper: RadixNode = {
        text: child.text.slice(0, shared),
        location: null,
        children: new Map(),
      };
      const lower: RadixNode = { ...child, text: child.text.slice(shared) };
      upper.children.set(lower.text.charCodeAt(0), lower);
      node.children.set(code, upper);
      node = upper;
    } else {
      node = child;
    }
    rest = rest.slice(shared);
  }
  return node;
}

function sharedLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  return at;
}
