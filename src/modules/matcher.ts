// From a pattern to a matcher that no subject can make run for ever. V8 matches most patterns in
// linear time once they have gone back and forth too often; look-aheads and references it can't, so
// those are stopped by a timer (nginx has PCRE's match limit for it).

import { setFlagsFromString } from 'node:v8';
import { createContext, Script } from 'node:vm';
import { SallyportError } from '../base/errors.ts';
import type { Matcher } from '../exchange/matcher.ts';
import { fromPcre } from './regular-expression.ts';

/** For a single match, in milliseconds. */
const longestMatchMs = 100;

/** A matcher with the names of its groups. */
export interface CompiledPattern {
  readonly matcher: Matcher;
  readonly names: readonly string[];
}

/**
 * @param pattern - for PCRE, one character per byte
 * @throws PatternError, SyntaxError naming what is wrong
 */
export function compileMatcher(pattern: string, caseless: boolean): CompiledPattern {
  prepareEngine();
  const { source, groups, names } = fromPcre(pattern, caseless);
  const regex = new RegExp(source);
  const safe = isLinear(source) || !mayExplode(source) ? regex : new TimedMatcher(regex, pattern);
  return { matcher: groups === null ? safe : new RegroupedMatcher(safe, groups), names };
}

let prepared = false;

function prepareEngine(): void {
  if (prepared) return;
  prepared = true;
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  setFlagsFromString('--regexp-backtracks-before-fallback=50000');
}

/** Can V8 fall back to its linear engine for it? Not with look-aheads and references. */
function isLinear(source: string): boolean {
  return !/\(\?[=!]|\(\?:\\\d+\)/.test(source);
}

/** Is there a repetition within a repetition, or two in a row? */
function mayExplode(source: string): boolean {
  const bare = source.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x');
  return (
    /[*+}]\??\)*[^|()]*\)[*+{]/.test(bare) || (bare.match(/[*+]|\{\d+,\d*\}/g) ?? []).length > 1
  );
}

/** Matches under a timer: about 100 µs dearer, so only for patterns that may need it. */
class TimedMatcher implements Matcher {
  readonly #scope: { regex: RegExp; text: string };
  readonly #context: object;
  readonly #script = new Script('regex.exec(text)');
  readonly #pattern: string;

  constructor(regex: RegExp, pattern: string) {
    this.#pattern = pattern;
    this.#scope = { regex, text: '' };
    this.#context = createContext(this.#scope);
  }

  exec(text: string): RegExpExecArray | null {
    this.#scope.text = text;
    try {
      return this.#script.runInContext(this.#context, {
        timeout: longestMatchMs,
      }) as RegExpExecArray | null;
    } catch (thrown) {
      const message = `the regular expression "${this.#pattern}" took more than ${longestMatchMs} ms`;
      throw new SallyportError('INTERNAL', message, thrown);
    }
  }
}

/** Puts groups where PCRE has them. */
class RegroupedMatcher implements Matcher {
  readonly #inner: Matcher;
  readonly #groups: readonly number[];

  constructor(inner: Matcher, groups: readonly number[]) {
    this.#inner = inner;
    this.#groups = groups;
  }

  exec(text: string): RegExpExecArray | null {
    const found = this.#inner.exec(text);
    if (found === null) return null;
    const values = this.#groups.map((index) => found[index] ?? '') as unknown as RegExpExecArray;
    values.index = found.index;
    values.input = found.input;
    if (found.groups !== undefined) values.groups = found.groups;
    return values;
  }
}
