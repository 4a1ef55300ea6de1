// Regular expressions of a configuration are written for PCRE. They are read here and written anew
// for JavaScript, with PCRE's meaning; what JavaScript cannot do is refused in words. Subjects are
// one character per byte, and letters, digits and spaces are ASCII's, as in nginx without (*UTF8).

import { readClass } from './regular-expression-class.ts';
import { escapeLiteral, PatternError, shorthand } from './regular-expression-text.ts';

export { PatternError } from './regular-expression-text.ts';

/** A pattern for `new RegExp(source)`, without flags. */
export interface TranslatedPattern {
  readonly source: string;
  /**
   * Index of PCRE's groups in the match of JavaScript, from 0 for the whole; null where they are
   * the same. Atomic groups need groups of their own.
   */
  readonly groups: readonly number[] | null;
  /** Names of its groups, in order. */
  readonly names: readonly string[];
}

/** PCRE's bound for the numbers in `{2,3}`. */
const mostRepeated = 65_535;

type Token =
  | string
  | {
      readonly kind: 'open';
      readonly pcre: number | null;
      readonly id: number;
      readonly name: string;
    }
  | { readonly kind: 'reference'; readonly to: number | string }
  | { readonly kind: 'own-reference'; readonly id: number };

interface Flags {
  i: boolean;
  m: boolean;
  s: boolean;
  x: boolean;
}

interface OpenGroup {
  readonly flags: Flags;
  /** Where its tokens begin. */
  readonly start: number;
  /** What closes it, written for JavaScript. */
  readonly close: Token[];
  readonly captures: boolean;
}

/**
 * @param pattern - one character per byte
 * @param caseless - `~*`
 * @throws PatternError naming what is wrong or not possible
 */
export function fromPcre(pattern: string, caseless: boolean): TranslatedPattern {
  return new Translator(pattern, caseless).run();
}

class Translator {
  readonly #text: string;
  #at = 0;
  #flags: Flags;
  readonly #tokens: Token[] = [];
  readonly #stack: OpenGroup[] = [];
  #groups = 0;
  #own = 0;
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** Where the last atom begins, for quantifiers; -1 where there is nothing to repeat. */
  #atom = -1;

  constructor(text: string, caseless: boolean) {
    this.#text = text;
    this.#flags = { i: caseless, m: false, s: false, x: false };
  }

  run(): TranslatedPattern {
    if (this.#text.startsWith('(*'))
      throw new PatternError('verbs such as (*UTF8) are not available');
    while (this.#at < this.#text.length) this.#step();
    if (this.#stack.length > 0) throw new PatternError('missing closing parenthesis');
    return this.#finish();
  }

  #step(): void {
    const char = this.#text.charAt(this.#at);
    switch (char) {
      case '\\':
        this.#escape();
        return;
      case '[': {
        const found = readClass(this.#text, this.#at, this.#flags.i);
        this.#at = found.end;
        this.#push(found.source);
        return;
      }
      case '(':
        this.#open();
        return;
      case ')':
        this.#close();
        return;
      case '|':
        this.#at += 1;
        this.#tokens.push('|');
        this.#atom = -1;
        return;
      case '*':
      case '+':
      case '?':
        this.#quantifier(char);
        return;
      case '{':
        this.#brace();
        return;
      default:
        this.#plain(char);
    }
  }

  #plain(char: string): void {
    this.#at += 1;
    if (this.#flags.x && /\s/.test(char)) return;
    if (this.#flags.x && char === '#') {
      const end = this.#text.indexOf('\n', this.#at);
      this.#at = end === -1 ? this.#text.length : end + 1;
      return;
    }
    if (char === '.') this.#push(this.#flags.s ? '[^]' : '[^\\n]');
    else if (char === '^') this.#assertion(this.#flags.m ? '(?<![^\\n])' : '^');
    else if (char === '$') this.#dollar();
    else this.#push(escapeLiteral(char, this.#flags.i));
  }

  // Also before a line feed at the very end. Outside of groups it may be consumed: a pattern without
  // a look-ahead can be matched in linear time.
  #dollar(): void {
    if (this.#flags.m) this.#assertion('(?![^\\n])');
    else if (this.#stack.some((group) => group.captures)) this.#assertion('(?=\\n?$)');
    else this.#assertion('(?:\\n?$)');
  }

  #push(token: Token): void {
    this.#atom = this.#tokens.length;
    this.#tokens.push(token);
  }

  #assertion(token: string): void {
    this.#tokens.push(token);
    this.#atom = -1;
  }

  #escape(): void {
    const next = this.#text.charAt(this.#at + 1);
    if (next === '') throw new PatternError('\\ at end of pattern');
    if (next === 'Q') {
      this.#quoted();
      return;
    }
    const rest = this.#text.slice(this.#at + 1);
    const reference = referenceIn(rest, this.#groups);
    if (reference !== null) {
      this.#at += 1 + reference.length;
      this.#push({ kind: 'reference', to: reference.to });
      return;
    }
    const assertion = assertions[next];
    if (assertion !== undefined) {
      this.#at += 2;
      this.#assertion(assertion);
      return;
    }
    const found = shorthand(rest, this.#flags.i);
    this.#at += 1 + found.length;
    if (found.source !== '') this.#push(found.source);
  }

  #quoted(): void {
    const end = this.#text.indexOf('\\E', this.#at + 2);
    const text = this.#text.slice(this.#at + 2, end === -1 ? undefined : end);
    this.#at = end === -1 ? this.#text.length : end + 2;
    for (const char of text) this.#push(escapeLiteral(char, this.#flags.i));
  }

  #open(): void {
    const rest = this.#text.slice(this.#at);
    if (!rest.startsWith('(?')) {
      this.#at += 1;
      this.#capture('');
      return;
    }
    const comment = /^\(\?#[^)]*\)/.exec(rest);
    if (comment !== null) {
      this.#at += comment[0].length;
      return;
    }
    const named = /^\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(rest);
    if (named !== null) {
      this.#at += named[0].length;
      this.#capture(named[1] ?? named[2] ?? '');
      return;
    }
    const backwards = /^\(\?P=(\w+)\)/.exec(rest);
    if (backwards !== null) {
      this.#at += backwards[0].length;
      this.#push({ kind: 'reference', to: backwards[1] ?? '' });
      return;
    }
    this.#special(rest);
  }

  #special(rest: string): void {
    const plain = /^\(\?(?::|=|!|<=|<!)/.exec(rest)?.[0];
    if (plain !== undefined) {
      this.#at += plain.length;
      this.#begin([plain], [')'], false);
      return;
    }
    if (rest.startsWith('(?>')) {
      this.#at += 3;
      const id = (this.#own += 1);
      this.#begin(
        ['(?=', { kind: 'open', pcre: null, id, name: '' }],
        ['))', { kind: 'own-reference', id }],
        true,
      );
      return;
    }
    const options = /^\(\?([imsx]*)(?:-([imsx]+))?([:)])/.exec(rest);
    if (options === null) throw new PatternError(`"${rest.slice(0, 4)}…" is not available`);
    this.#at += options[0].length;
    const inner = { ...this.#flags };
    setFlags(inner, options[1] ?? '', true);
    setFlags(inner, options[2] ?? '', false);
    if (options[3] === ':') this.#begin(['(?:'], [')'], false);
    this.#flags = inner;
  }

  #capture(name: string): void {
    this.#groups += 1;
    if (name !== '') {
      if (this.#numbers.has(name)) throw new PatternError(`two groups are named "${name}"`);
      this.#numbers.set(name, this.#groups);
      this.#names.push(name);
    }
    this.#begin([{ kind: 'open', pcre: this.#groups, id: 0, name }], [')'], true);
  }

  #begin(open: readonly Token[], close: Token[], captures: boolean): void {
    const start = this.#tokens.length;
    this.#stack.push({ flags: { ...this.#flags }, start, close, captures });
    this.#tokens.push(...open);
    this.#atom = -1;
  }

  #close(): void {
    const group = this.#stack.pop();
    if (group === undefined) throw new PatternError('unmatched closing parenthesis');
    this.#at += 1;
    this.#flags = group.flags;
    this.#tokens.push(...group.close);
    this.#atom = group.start;
  }

  #brace(): void {
    const found = /^\{(\d+)(?:,(\d*))?\}/.exec(this.#text.slice(this.#at));
    if (found === null) {
      this.#at += 1;
      this.#push('\\{');
      return;
    }
    const [written, least = '', most = ''] = found;
    if (Number(least) > mostRepeated || Number(most) > mostRepeated) {
      throw new PatternError('number too big in {} quantifier');
    }
    if (most !== '' && Number(least) > Number(most)) {
      throw new PatternError('numbers out of order in {} quantifier');
    }
    this.#quantifier(written);
  }

  #quantifier(written: string): void {
    if (this.#atom === -1) throw new PatternError('quantifier does not follow a repeatable item');
    this.#at += written.length;
    const kind = this.#text.charAt(this.#at);
    const atom = this.#tokens.splice(this.#atom);
    // Nothing repeats a repetition, be it greedy, lazy or possessive.
    this.#atom = -1;
    // "(atomic)*": the look-ahead and its reference are one.
    const whole: Token[] = atom.length > 1 ? ['(?:', ...atom, ')'] : atom;
    if (kind !== '+') {
      this.#tokens.push(...whole, kind === '?' ? `${written}?` : written);
      if (kind === '?') this.#at += 1;
      return;
    }
    this.#at += 1;
    const id = (this.#own += 1);
    const open: Token = { kind: 'open', pcre: null, id, name: '' };
    this.#tokens.push('(?:(?=', open, ...whole, written, '))', { kind: 'own-reference', id }, ')');
  }

  #finish(): TranslatedPattern {
    const groups = [0];
    const own = new Map<number, number>();
    let count = 0;
    for (const token of this.#tokens) {
      if (typeof token === 'string' || token.kind !== 'open') continue;
      count += 1;
      if (token.pcre === null) own.set(token.id, count);
      else groups[token.pcre] = count;
    }
    const source = this.#tokens.map((token) => this.#write(token, groups, own)).join('');
    return { source, groups: this.#own === 0 ? null : groups, names: this.#names };
  }

  #write(token: Token, groups: readonly number[], own: ReadonlyMap<number, number>): string {
    if (typeof token === 'string') return token;
    if (token.kind === 'open') return token.name === '' ? '(' : `(?<${token.name}>`;
    if (token.kind === 'own-reference') return `(?:\\${own.get(token.id) ?? 0})`;
    const number = typeof token.to === 'string' ? this.#numbers.get(token.to) : token.to;
    const index = number === undefined ? undefined : groups[number];
    if (index === undefined) throw new PatternError('reference to a group that does not exist');
    return `(?:\\${index})`;
  }
}

function setFlags(flags: Flags, letters: string, on: boolean): void {
  for (const letter of letters) flags[letter as keyof Flags] = on;
}

const assertions: Readonly<Record<string, string>> = {
  A: '(?<![^])',
  z: '(?![^])',
  Z: '(?=\\n?(?![^]))',
  b: '\\b',
  B: '\\B',
};

/** \1, \g1, \g{1}, \g{-1}, \g{name}, \k<name>, \k'name', \k{name}. */
function referenceIn(
  rest: string,
  groups: number,
): { readonly to: number | string; readonly length: number } | null {
  const digits = /^([1-9]\d*)/.exec(rest)?.[1];
  if (digits !== undefined && (digits.length === 1 || Number(digits) <= groups)) {
    return { to: Number(digits), length: digits.length };
  }
  const numbered = /^g(?:\{(-?\d+)\}|(-?\d+))/.exec(rest);
  if (numbered !== null) {
    const number = Number(numbered[1] ?? numbered[2]);
    return { to: number < 0 ? groups + 1 + number : number, length: numbered[0].length };
  }
  const named = /^(?:k<(\w+)>|k'(\w+)'|[kg]\{([A-Za-z_]\w*)\})/.exec(rest);
  if (named === null) return null;
  return { to: named[1] ?? named[2] ?? named[3] ?? '', length: named[0].length };
}
