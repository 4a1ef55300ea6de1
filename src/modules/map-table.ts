// The choice that `map` makes for a text: exact, longest "*.name", longest "name.*", and the regular
// expressions in their order. Letters of either case are the same. However many entries there are,
// a text costs a few look-ups.

import type { Exchange } from '../exchange/exchange.ts';
import { keepCaptures } from '../exchange/variable.ts';
import { logError } from '../server/request-log.ts';
import type { Pattern } from './build-context.ts';

/** What came of adding a key. */
export type Added = 'added' | 'invalid' | 'conflict';

interface Suffix<V> {
  readonly value: V;
  /** ".example.com", which is also "example.com" itself. */
  readonly bare: boolean;
}

export class MapTable<V> {
  readonly #exact = new Map<string, V>();
  readonly #suffixes = new Map<string, Suffix<V>>();
  readonly #prefixes = new Map<string, V>();
  readonly #patterns: { readonly pattern: Pattern; readonly value: V }[] = [];

  /** Adds a text that has to be there as it is. */
  addExact(key: string, value: V): Added {
    const name = lowerCase(key);
    if (this.#exact.has(name) || this.#suffixes.get(name)?.bare === true) return 'conflict';
    this.#exact.set(name, value);
    return 'added';
  }

  /** Adds a host name, "*.example.com", ".example.com" or "www.example.*". */
  addHostname(key: string, value: V): Added {
    const name = lowerCase(key);
    const stars = name.split('*').length - 1;
    if (stars > 1 || name.includes('..') || name.includes('\0')) return 'invalid';
    if (name.length > 1 && name.startsWith('.')) {
      return this.#addSuffix(name.slice(1), { value, bare: true });
    }
    if (name.length > 2 && name.startsWith('*.')) {
      return this.#addSuffix(name.slice(2), { value, bare: false });
    }
    if (name.length > 2 && name.endsWith('.*')) return this.#addPrefix(name.slice(0, -2), value);
    return stars > 0 ? 'invalid' : this.addExact(name, value);
  }

  #addSuffix(name: string, suffix: Suffix<V>): Added {
    if (this.#suffixes.has(name) || (suffix.bare && this.#exact.has(name))) return 'conflict';
    this.#suffixes.set(name, suffix);
    return 'added';
  }

  #addPrefix(name: string, value: V): Added {
    if (this.#prefixes.has(name)) return 'conflict';
    this.#prefixes.set(name, value);
    return 'added';
  }

  addPattern(pattern: Pattern, value: V): void {
    this.#patterns.push({ pattern, value });
  }

  /**
   * @param text - one character per byte
   * @param x - gets the captures of the regular expression that matches
   * @returns undefined where nothing fits
   */
  find(text: string, x: Exchange): V | undefined {
    const name = lowerCase(text);
    const exact = this.#exact.get(name);
    if (exact !== undefined || text === '') return exact;
    return this.#findSuffix(name) ?? this.#findPrefix(name) ?? this.#findPattern(text, x);
  }

  #findSuffix(name: string): V | undefined {
    if (this.#suffixes.size === 0) return undefined;
    const whole = this.#suffixes.get(name);
    if (whole?.bare === true) return whole.value;
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const found = this.#suffixes.get(name.slice(dot + 1));
      if (found !== undefined) return found.value;
    }
    return undefined;
  }

  #findPrefix(name: string): V | undefined {
    if (this.#prefixes.size === 0) return undefined;
    for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      const found = this.#prefixes.get(name.slice(0, dot));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #findPattern(text: string, x: Exchange): V | undefined {
    for (const { pattern, value } of this.#patterns) {
      let match;
      try {
        match = pattern.regex.exec(text);
      } catch (thrown) {
        // It took too long: nothing fits, as in nginx beyond PCRE's match limit.
        logError(x, 'alert', thrown instanceof Error ? thrown.message : String(thrown));
        return undefined;
      }
      if (match === null) continue;
      keepCaptures(x, match, pattern.slots);
      return value;
    }
    return undefined;
  }
}

// Only ASCII's letters: a byte beyond them is part of a character of several bytes.
function lowerCase(text: string): string {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) {
      return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
    }
  }
  return text;
}
