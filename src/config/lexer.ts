// Text to words and the three signs `;` `{` `}`, by nginx's own rules: a comment or a quote starts
// only where a word may start; in a bare word `${` does not open a block; after a closing quote
// there must be a space, `;`, `{` or `)`. What is malformed becomes a `problem` token, after which
// the lexer stands where reading on makes most sense.

import type { Position } from './node.ts';

export interface WordToken {
  readonly kind: 'word';
  /** Unquoted and unescaped. */
  readonly text: string;
  readonly quoted: boolean;
  readonly at: Position;
}

export interface ProblemToken {
  readonly kind: 'problem';
  readonly message: string;
  readonly hint: string | null;
  readonly at: Position;
}

export type Token =
  WordToken | ProblemToken | { readonly kind: ';' | '{' | '}' | 'end'; readonly at: Position };

// nginx reads through a buffer of 4096 bytes that must hold a word and the character that ends it.
const longestBareWord = 4095;
const longestQuotedWord = 4094;

const lineFeed = 10;

interface Mark {
  readonly index: number;
  readonly line: number;
  readonly column: number;
}

/** Reads one text. `next` gives token after token, and `end` for ever once the text is over. */
export class Lexer {
  readonly #file: string;
  readonly #text: string;
  /** The next character to read. */
  #index = 0;
  /** Line and column are counted up to here; never beyond `#index` but in `#positionAt`. */
  #mark: Mark = { index: 0, line: 1, column: 1 };
  /** Where the quote began that has just been closed; null if none was. */
  #closedQuote: Mark | null = null;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  /** Of the next character to read: where the token that was read last ends. */
  get index(): number {
    return this.#index;
  }

  next(): Token {
    const quote = this.#closedQuote;
    this.#closedQuote = null;
    const follower = this.#text[this.#index];
    if (quote !== null && follower !== undefined && !/[ \t\r\n;{)]/.test(follower)) {
      return this.#strayAfterQuote(quote);
    }
    this.#skipBlanks();
    const character = this.#text[this.#index];
    const at = this.#positionAt(this.#index);
    switch (character) {
      case undefined:
        return { kind: 'end', at };
      case ';':
      case '{':
      case '}':
        this.#index += 1;
        return { kind: character, at };
      case '"':
      case "'":
        return this.#quotedWord(character, at);
      default:
        return this.#bareWord(at);
    }
  }

  #skipBlanks(): void {
    for (;;) {
      const character = this.#text[this.#index];
      if (character === '#') {
        const end = this.#text.indexOf('\n', this.#index);
        this.#index = end < 0 ? this.#text.length : end;
      } else if (isBlank(character)) {
        this.#index += 1;
      } else return;
    }
  }

  #bareWord(at: Position): Token {
    const start = this.#index;
    const end = bareWordEnd(this.#text, start);
    this.#index = end;
    const raw = this.#text.slice(start, end);
    if (Buffer.byteLength(raw) > longestBareWord) {
      const message = `too long parameter "${raw.slice(0, 10)}..." started`;
      return { kind: 'problem', at, message, hint: `it may have ${longestBareWord} bytes at most` };
    }
    return { kind: 'word', text: unescape(raw), quoted: false, at };
  }

  #quotedWord(quote: string, at: Position): Token {
    const start = this.#index;
    const end = closingQuote(this.#text, start);
    const raw = this.#text.slice(start + 1, end);
    if (end < this.#text.length && Buffer.byteLength(raw) <= longestQuotedWord) {
      this.#closedQuote = this.#mark;
      this.#index = end + 1;
      return { kind: 'word', text: unescape(raw), quoted: true, at };
    }
    const terminator = this.#terminatorOfLine(start);
    this.#index = terminator ?? this.#lineEnd(start);
    const tooLong = Buffer.byteLength(raw) > longestQuotedWord;
    return {
      kind: 'problem',
      at,
      message: tooLong
        ? `too long parameter, probably missing terminating "${quote}" character`
        : 'unexpected end of file, expecting ";" or "}"',
      hint: 'the quote that opens here is not closed',
    };
  }

  // A quote that spans lines and closes before a letter was most likely closed by the opening quote
  // of a later word: where its first line ends like a directive, reading goes on there.
  #strayAfterQuote(quote: Mark): Token {
    const at = this.#positionAt(this.#index);
    const stray = String.fromCodePoint(this.#text.codePointAt(this.#index) ?? 0);
    const spansLines = quote.line < at.line;
    const terminator = spansLines ? this.#terminatorOfLine(quote.index) : null;
    if (terminator !== null) {
      this.#mark = quote;
      this.#index = terminator;
    }
    const hint = spansLines
      ? `the quote that opens on line ${quote.line} may lack its closing quote there`
      : 'put a space after the closing quote, or escape a quote inside as \\" or \\\'';
    return { kind: 'problem', at, message: `unexpected "${stray}"`, hint };
  }

  #lineEnd(from: number): number {
    const end = this.#text.indexOf('\n', from);
    return end < 0 ? this.#text.length : end;
  }

  // The index of a `;` or `{` that ends the line of `from`; null where another character does.
  #terminatorOfLine(from: number): number | null {
    const line = this.#text.slice(from, this.#lineEnd(from)).trimEnd();
    return line.length > 1 && /[;{]$/.test(line) ? from + line.length - 1 : null;
  }

  #positionAt(index: number): Position {
    let { line, column } = this.#mark;
    for (let i = this.#mark.index; i < index; i += 1) {
      const unit = this.#text.charCodeAt(i);
      if (unit === lineFeed) {
        line += 1;
        column = 1;
      } else if (unit < 0xdc00 || unit > 0xdfff) {
        // The second half of a surrogate pair is no character of its own.
        column += 1;
      }
    }
    this.#mark = { index, line, column };
    return { file: this.#file, line, column };
  }
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}

function bareWordEnd(text: string, start: number): number {
  let afterDollar = false;
  let index = start;
  for (; index < text.length; index += 1) {
    const character = text[index];
    if (character === '{' && afterDollar) continue;
    afterDollar = character === '$';
    if (character === '\\') index += 1;
    else if (isBlank(character) || character === ';' || character === '{') break;
  }
  return Math.min(index, text.length);
}

// The index of the quote that closes the one at `start`; the text's length if none does. Looks no
// further than a word may be long: else many open quotes would each read the whole file.
function closingQuote(text: string, start: number): number {
  const quote = text[start];
  const limit = Math.min(text.length, start + longestQuotedWord + 2);
  let index = start + 1;
  for (; index < limit; index += 1) {
    const character = text[index];
    if (character === '\\') index += 1;
    else if (character === quote) return index;
  }
  return index < text.length ? Math.max(index, limit) : text.length;
}

/** `\"` `\'` `\\` `\t` `\r` `\n` become what they stand for; before all else the backslash stays. */
function unescape(raw: string): string {
  if (!raw.includes('\\')) return raw;
  return raw.replace(/\\(["'\\trn])/g, (_, escaped: string) => {
    if (escaped === 't') return '\t';
    if (escaped === 'r') return '\r';
    return escaped === 'n' ? '\n' : escaped;
  });
}
