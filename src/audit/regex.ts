// Regular expressions of a configuration, read far enough to answer what a group may hold, whether the
// whole is anchored, and whether it can take exponential time. PCRE, as nginx uses it.

import { CharSet } from './char-set.ts';

/** A piece of an expression. */
export type RegexNode =
  | { readonly kind: 'chars'; readonly set: CharSet }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly items: readonly RegexNode[] }
  | {
      readonly kind: 'repeat';
      readonly item: RegexNode;
      readonly least: number;
      readonly most: number;
      /** Never gives back what it took. */
      readonly possessive: boolean;
    }
  | {
      readonly kind: 'group';
      readonly item: RegexNode;
      /** From 1; null where it catches nothing. */
      readonly index: number | null;
      readonly name: string | null;
      readonly atomic: boolean;
    }
  | { readonly kind: 'start' | 'end' | 'empty' | 'look' };

/** One group that catches. */
export type RegexGroup = Extract<RegexNode, { kind: 'group' }>;

/** Reads an expression; null where it is not understood. */
export function parseRegex(text: string, caseless: boolean): RegexNode | null {
  try {
    return new Reader(text, caseless).whole();
  } catch (error) {
    if (error instanceof NotUnderstood) return null;
    throw error;
  }
}

class NotUnderstood extends Error {}

const escapes: Readonly<Record<string, CharSet>> = {
  d: CharSet.of('0-9'),
  D: CharSet.of('0-9').inverted(),
  w: CharSet.of('a-zA-Z0-9_'),
  W: CharSet.of('a-zA-Z0-9_').inverted(),
  s: CharSet.of(' \t\r\n\f\v'),
  S: CharSet.of(' \t\r\n\f\v').inverted(),
  h: CharSet.of(' \t'),
  n: CharSet.of('\n'),
  r: CharSet.of('\r'),
  t: CharSet.of('\t'),
  f: CharSet.of('\f'),
  N: CharSet.of('\n').inverted(),
};

const noChars = new CharSet();

class Reader {
  readonly #text: string;
  readonly #caseless: boolean;
  #at = 0;
  #groups = 0;

  constructor(text: string, caseless: boolean) {
    const flags = /^\(\?([imsxU]+)\)/.exec(text);
    this.#text = text;
    this.#caseless = caseless || (flags?.[1]?.includes('i') ?? false);
    this.#at = flags?.[0].length ?? 0;
  }

  whole(): RegexNode {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw new NotUnderstood();
    return node;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #choice(): RegexNode {
    const items = [this.#sequence()];
    while (this.#take('|')) items.push(this.#sequence());
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: 'choice', items };
  }

  #sequence(): RegexNode {
    const items: RegexNode[] = [];
    while (this.#at < this.#text.length && this.#peek() !== '|' && this.#peek() !== ')') {
      items.push(this.#repeated(this.#atom()));
    }
    return { kind: 'sequence', items };
  }

  #repeated(item: RegexNode): RegexNode {
    const bounds = this.#bounds();
    if (bounds === null) return item;
    const possessive = this.#take('+');
    if (!possessive) this.#take('?');
    return this.#repeated({ kind: 'repeat', item, ...bounds, possessive });
  }

  #bounds(): { least: number; most: number } | null {
    if (this.#take('*')) return { least: 0, most: Infinity };
    if (this.#take('+')) return { least: 1, most: Infinity };
    if (this.#take('?')) return { least: 0, most: 1 };
    const found = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 24));
    if (found === null) return null;
    this.#at += found[0].length;
    const least = Number(found[1]);
    const most = found[2] === undefined ? least : found[3] === '' ? Infinity : Number(found[3]);
    return { least, most };
  }

  #atom(): RegexNode {
    const char = this.#peek();
    if (char === '(') return this.#group();
    if (char === '[') return { kind: 'chars', set: this.#class() };
    if (char === '\\') return this.#escape();
    this.#at += 1;
    if (char === '^') return { kind: 'start' };
    if (char === '$') return { kind: 'end' };
    if (char === '.') return { kind: 'chars', set: CharSet.of('\n').inverted() };
    if (char === '*' || char === '+' || char === '?') throw new NotUnderstood();
    return { kind: 'chars', set: this.#literal(char) };
  }

  #literal(char: string): CharSet {
    const set = new CharSet();
    set.add(char.charCodeAt(0));
    return this.#caseless ? set.withBothCases() : set;
  }

  #escape(): RegexNode {
    this.#at += 1;
    const char = this.#peek();
    this.#at += 1;
    if (char === 'A') return { kind: 'start' };
    if (char === 'z' || char === 'Z') return { kind: 'end' };
    if (/[bBGK]/.test(char)) return { kind: 'empty' };
    // What a back reference holds is what its group holds: anything is the safe answer.
    if (/[1-9gkpPXRC]/.test(char)) return { kind: 'chars', set: noChars.inverted() };
    return { kind: 'chars', set: this.#escapedSet(char) };
  }

  #escapedSet(char: string): CharSet {
    const known = escapes[char];
    if (known !== undefined) return known;
    if (char === '') throw new NotUnderstood();
    if (char === 'x') {
      const found = /^[0-9a-f]{1,2}/i.exec(this.#text.slice(this.#at, this.#at + 2));
      this.#at += found?.[0].length ?? 0;
      return this.#literal(String.fromCharCode(parseInt(found?.[0] ?? '0', 16)));
    }
    return this.#literal(char);
  }

  #class(): CharSet {
    this.#at += 1;
    const negated = this.#take('^');
    let set = new CharSet();
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#at >= this.#text.length) throw new NotUnderstood();
      set.addAll(this.#classItem());
    }
    this.#at += 1;
    if (this.#caseless) set = set.withBothCases();
    return negated ? set.inverted() : set;
  }

  #classItem(): CharSet {
    const named = /^\[:(\^?)([a-z]+):\]/.exec(this.#text.slice(this.#at, this.#at + 16));
    if (named !== null) {
      this.#at += named[0].length;
      const set = CharSet.named(named[2] ?? '');
      return named[1] === '^' ? set.inverted() : set;
    }
    const from = this.#classChar();
    if (this.#peek() !== '-' || this.#text.charAt(this.#at + 1) === ']') return from;
    this.#at += 1;
    const to = this.#classChar();
    return CharSet.range(from.first(), to.first());
  }

  #classChar(): CharSet {
    const char = this.#peek();
    this.#at += 1;
    if (char !== '\\') return CharSet.of(char === '-' ? '\\-' : char);
    const escaped = this.#peek();
    this.#at += 1;
    return escaped === 'b' ? CharSet.of('\b') : this.#escapedSet(escaped);
  }

  #group(): RegexNode {
    this.#at += 1;
    let index: number | null = null;
    let name: string | null = null;
    let atomic = false;
    let look = false;
    if (this.#take('?')) {
      const named = /^(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(this.#text.slice(this.#at));
      if (named !== null) {
        name = named[1] ?? named[2] ?? null;
        this.#at += named[0].length;
      } else if (this.#take('>')) atomic = true;
      else if (/^(=|!|<=|<!)/.test(this.#text.slice(this.#at))) {
        look = true;
        this.#at += this.#peek() === '<' ? 2 : 1;
      } else this.#flags();
    } else if (this.#peek() === '*') throw new NotUnderstood();
    if (name !== null || this.#text.charAt(this.#at - 1) === '(') {
      this.#groups += 1;
      index = this.#groups;
    }
    const item = this.#choice();
    if (!this.#take(')')) throw new NotUnderstood();
    return look ? { kind: 'look' } : { kind: 'group', item, index, name, atomic };
  }

  #flags(): void {
    const found = /^[imsxU-]*:/.exec(this.#text.slice(this.#at, this.#at + 16));
    if (found === null) throw new NotUnderstood();
    this.#at += found[0].length;
  }
}
