// Where the directives of one text begin and end, as indices into it, with what stands around them:
// what a change of the text needs and the tree does not keep.

import { Lexer, type Token } from '../config/lexer.ts';
import type { Position } from '../config/node.ts';
import { blankOpaqueBlocks } from './opaque-blocks.ts';

/** One directive in its text. */
export interface Span {
  /** Of its first character. */
  readonly start: number;
  /** After its ";" or "}". */
  end: number;
  /** After its "{"; null where it has no block. */
  inside: number | null;
  /** Are there comments between its words, or in its block? */
  hasComment: boolean;
}

/** The directives of a text by "LINE:COLUMN" of their first character. */
export type Spans = ReadonlyMap<string, Span>;

export function spanKey({ line, column }: Pick<Position, 'line' | 'column'>): string {
  return `${line}:${column}`;
}

/** Finds all directives. Those that are not closed, or that the lexer trips over, are left out. */
export function findSpans(file: string, text: string): Spans {
  return new SpanFinder(file, blankOpaqueBlocks(text)).find();
}

interface Open {
  readonly key: string;
  readonly span: Span;
}

class SpanFinder {
  readonly #text: string;
  readonly #lexer: Lexer;
  readonly #offsets: Offsets;
  readonly #found = new Map<string, Span>();
  /** Blocks that are open; null for those without a directive. */
  readonly #open: (Open | null)[] = [];
  /** The directive whose words are being read. */
  #current: Open | null = null;
  #damaged = false;
  /** After the token before. */
  #last = 0;

  constructor(file: string, text: string) {
    this.#text = text;
    this.#lexer = new Lexer(file, text);
    this.#offsets = new Offsets(text);
  }

  find(): Spans {
    for (;;) {
      const token = this.#lexer.next();
      const start = this.#offsets.of(token.at);
      if (token.kind !== 'problem' && this.#text.slice(this.#last, start).includes('#')) {
        this.#noteComment();
      }
      if (token.kind === 'end') return this.#found;
      this.#last = this.#lexer.index;
      this.#take(token, start);
    }
  }

  #noteComment(): void {
    for (const open of this.#open) if (open !== null) open.span.hasComment = true;
    if (this.#current !== null) this.#current.span.hasComment = true;
  }

  #take(token: Token, start: number): void {
    if (token.kind === 'problem') {
      this.#damaged = true;
    } else if (token.kind === 'word') {
      const span: Span = { start, end: start, inside: null, hasComment: false };
      this.#current ??= { key: spanKey(token.at), span };
    } else if (token.kind === '{') {
      if (this.#current !== null) this.#current.span.inside = this.#last;
      this.#open.push(this.#damaged ? null : this.#current);
      this.#reset();
    } else {
      this.#close(token.kind);
    }
  }

  // "}" ends a block; a directive that lacks its ";" before it is not known.
  #close(kind: Token['kind']): void {
    const ended = kind === '}' ? (this.#open.pop() ?? null) : this.#damaged ? null : this.#current;
    this.#reset();
    if (ended === null) return;
    ended.span.end = this.#last;
    this.#found.set(ended.key, ended.span);
  }

  #reset(): void {
    this.#current = null;
    this.#damaged = false;
  }
}

/** Lines and columns to indices. Columns count characters, of which some are two code units. */
class Offsets {
  readonly #text: string;
  #line = 1;
  #column = 1;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Positions come in their order. */
  of({ line, column }: Position): number {
    while (this.#line < line) {
      this.#at = this.#text.indexOf('\n', this.#at) + 1;
      this.#line += 1;
      this.#column = 1;
    }
    while (this.#column < column) {
      this.#at += (this.#text.codePointAt(this.#at) ?? 0) > 0xffff ? 2 : 1;
      this.#column += 1;
    }
    return this.#at;
  }
}
