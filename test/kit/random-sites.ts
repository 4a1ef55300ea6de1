// Random sets of locations, and random request targets that are likely to hit them, from a seed:
// the same seed gives the same again.

import { Random } from './random.ts';

/** A virtual server with locations that answer with their own names. */
export interface RandomServer {
  readonly name: string;
  /** What its locations are made of. */
  readonly words: readonly string[];
  config(port: number): string;
}

const syllables = [
  'a',
  'b',
  'ab',
  'abc',
  'B',
  'x y',
  '.a',
  'a.',
  'é',
  '-',
  'a%b',
  'c+',
  '..b',
  '~',
];
const patterns = [
  'a$',
  '^/a',
  'b',
  '\\.a',
  '(a|b)/?$',
  '^/(?<one>[^/]*)/a',
  'A',
  '/$',
  '^/.$',
  'b/a',
  '[^a]$',
];

export class RandomSites {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** A server with up to 12 locations, some of them nested. */
  server(name: string): RandomServer {
    const words = Array.from({ length: 4 }, () => this.#random.pick(syllables));
    const lines = this.#locations(words, '', 2);
    const config = (port: number): string =>
      `server { listen 127.0.0.1:${port}; server_name ${name};\n${lines}\n}`;
    return { name, words, config };
  }

  /** A request target, with or without escapes, dots, doubled slashes and a query. */
  target(words: readonly string[]): string {
    const count = this.#random.below(5);
    let path = '';
    for (let i = 0; i < count; i += 1) path += this.#slash() + this.#segment(words);
    if (count === 0 || this.#random.below(3) === 0) path += this.#slash();
    return (
      path +
      (this.#random.below(4) === 0
        ? `?${this.#random.pick(['', 'q', 'a/../b', 'x=%zz', '?'])}`
        : '')
    );
  }

  #locations(words: readonly string[], within: string | null, depth: number): string {
    const used = new Set<string>();
    const lines: string[] = [];
    const count = 2 + this.#random.below(depth === 2 ? 8 : 3);
    for (let i = 0; i < count; i += 1) {
      const match = this.#match(words, within);
      if (used.has(match.key)) continue;
      used.add(match.key);
      const inner = match.nests && depth > 0 && this.#random.below(3) === 0;
      const nested = inner ? `\n${this.#locations(words, match.prefix, depth - 1)}\n` : '';
      const text = match.key.replaceAll('$', '');
      lines.push(
        `location ${match.written} { return 200 "${within ?? ''} ${text} | $uri | $args | $1"; ${nested} }`,
      );
    }
    return lines.join('\n');
  }

  #match(
    words: readonly string[],
    within: string | null,
  ): { key: string; written: string; prefix: string | null; nests: boolean } {
    // Inside a regular expression nginx allows others only.
    const kind = this.#random.pick(
      within === null ? ['~', '~*'] : ['', '', '', '=', '^~', '~', '~*'],
    );
    if (kind.startsWith('~')) {
      const pattern = this.#random.pick(patterns);
      return {
        key: `${kind} ${pattern}`,
        written: `${kind} "${pattern}"`,
        prefix: null,
        nests: kind === '~',
      };
    }
    let text = within === '' || within === null ? '/' : within;
    for (let i = this.#random.below(3); i > 0; i -= 1) {
      text += this.#random.pick(words) + this.#random.pick(['', '/', '/']);
    }
    // "^~ /a" and "/a" are one location to nginx; "= /a" is another.
    return {
      key: kind === '=' ? `= ${text}` : text,
      written: `${kind} "${text}"`,
      prefix: text,
      nests: kind !== '=',
    };
  }

  #segment(words: readonly string[]): string {
    switch (this.#random.below(10)) {
      case 0:
        return '.';
      case 1:
        return '..';
      case 2:
        return this.#random.pick([
          '%2e',
          '%2E.',
          '.%2e',
          '%2f',
          'a%2F..',
          '%00',
          '%',
          '%4',
          '%25',
          '%3f',
          '%23x',
          '...',
        ]);
      default: {
        const text = this.#random.pick(words) + this.#random.pick(['', '', '', 'a', '.a', 'B']);
        return this.#escape(text);
      }
    }
  }

  // "%" and space must be escaped; anything else may be.
  #escape(text: string): string {
    let escaped = '';
    for (const byte of Buffer.from(text)) {
      const must = byte === 0x25 || byte === 0x20;
      const hex = byte.toString(16).padStart(2, '0');
      if (must || this.#random.below(6) === 0) {
        escaped += `%${this.#random.below(2) === 0 ? hex : hex.toUpperCase()}`;
      } else {
        escaped += String.fromCharCode(byte);
      }
    }
    return escaped;
  }

  #slash(): string {
    return this.#random.pick(['/', '/', '/', '/', '/', '/', '/', '//', '///', '/./']);
  }
}
