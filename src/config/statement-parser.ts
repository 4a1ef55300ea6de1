// Words to directives, for one text. Open blocks are a list, not recursion, so that no nesting can
// overflow the stack. After a syntax error reading goes on at the next `;`, `{` or `}`, and what
// the error damaged is left out of the tree, so that one mistake gives one error.

import type { Diagnostics } from './diagnostic.ts';
import { Lexer, type Token, type WordToken } from './lexer.ts';
import type { Argument, DirectiveNode, Position } from './node.ts';

/** Far more than any context nests; it bounds the recursion of all who walk the tree. */
const deepestNesting = 100;

export interface StatementOptions {
  /** For positions and messages. */
  readonly file: string;
  readonly text: string;
  readonly diagnostics: Diagnostics;
  /** Gives the directives that stand in the place of an `include`. */
  readonly include: (directive: DirectiveNode) => readonly DirectiveNode[];
  /** `-g` of the command line: no blocks, and nginx's other words at the end. */
  readonly isCommandLine: boolean;
}

interface OpenBlock {
  /** Null for a block whose directive is missing or damaged: its content is read, then dropped. */
  readonly directive: WordToken | null;
  readonly args: readonly Argument[];
  readonly at: Position;
  readonly children: DirectiveNode[];
}

/** Parses one text. Errors go to the diagnostics; what could be read is returned. */
export function parseStatements(options: StatementOptions): DirectiveNode[] {
  return new StatementParser(options).run();
}

class StatementParser {
  readonly #options: StatementOptions;
  readonly #lexer: Lexer;
  readonly #top: DirectiveNode[] = [];
  readonly #open: OpenBlock[] = [];
  /** The words of the statement being read. */
  #words: WordToken[] = [];
  /** Was a problem reported within this statement? */
  #damaged = false;
  #tooDeep = false;

  constructor(options: StatementOptions) {
    this.#options = options;
    this.#lexer = new Lexer(options.file, options.text);
  }

  run(): DirectiveNode[] {
    for (;;) {
      const token = this.#lexer.next();
      if (token.kind === 'end') {
        this.#end(token.at);
        return this.#top;
      }
      this.#take(token);
    }
  }

  #take(token: Token): void {
    switch (token.kind) {
      case 'word':
        this.#words.push(token);
        return;
      case 'problem':
        this.#damaged = true;
        this.#error(token.at, token.message, token.hint ?? undefined);
        return;
      case ';':
        this.#finishStatement(token);
        return;
      case '{':
        this.#openBlock(token.at);
        return;
      case '}':
        this.#closeBlock(token);
        return;
      case 'end':
    }
  }

  #error(at: Position, message: string, hint?: string): void {
    this.#options.diagnostics.error(at, message, hint);
  }

  #finishStatement(token: Token): void {
    const [directive, ...args] = this.#words;
    if (this.#damaged) this.#clear();
    else if (directive === undefined) this.#error(token.at, `unexpected "${token.kind}"`);
    else {
      this.#clear();
      this.#emit({
        name: directive.text,
        at: directive.at,
        args: args.map(toArgument),
        block: null,
      });
    }
  }

  #clear(): void {
    this.#words = [];
    this.#damaged = false;
  }

  #emit(directive: DirectiveNode): void {
    const siblings = this.#open.at(-1)?.children ?? this.#top;
    if (directive.name !== 'include') {
      siblings.push(directive);
      return;
    }
    for (const included of this.#options.include(directive)) siblings.push(included);
  }

  #openBlock(at: Position): void {
    const [directive = null, ...args] = this.#words;
    if (directive === null && !this.#damaged) this.#error(at, 'unexpected "{"');
    if (this.#options.isCommandLine) {
      this.#error(at, 'block directives are not supported in -g option');
    } else if (this.#open.length >= deepestNesting && !this.#tooDeep) {
      this.#tooDeep = true;
      this.#error(at, 'blocks are nested too deeply', `at most ${deepestNesting} levels are read`);
    }
    const keep =
      !this.#damaged && !this.#options.isCommandLine && this.#open.length < deepestNesting;
    this.#clear();
    this.#open.push({
      directive: keep ? directive : null,
      args: args.map(toArgument),
      at,
      children: [],
    });
  }

  #closeBlock(token: Token): void {
    const pending = this.#words.at(-1) !== undefined || this.#damaged;
    if (pending) this.#finishUnterminated(token);
    const block = this.#open.pop();
    if (block !== undefined) this.#attach(block);
    else if (!pending) {
      this.#error(token.at, 'unexpected "}"', 'there is no open block that it could close');
    }
  }

  // `name argument }`: taken as if the `;` stood there, since that is what is most likely missing.
  #finishUnterminated(token: Token): void {
    if (!this.#damaged) {
      this.#error(token.at, 'unexpected "}"', this.#missingSemicolon());
    }
    this.#finishStatement(token);
  }

  #missingSemicolon(): string {
    const last = this.#words.at(-1);
    return last === undefined ? '";" is missing' : `";" is missing after "${last.text}"`;
  }

  #attach(block: OpenBlock): void {
    if (block.directive === null) return;
    const { text: name, at } = block.directive;
    this.#emit({ name, at, args: block.args, block: block.children });
  }

  #end(at: Position): void {
    const innermost = this.#open.at(-1);
    if (this.#words.length > 0 && !this.#damaged) {
      const message = this.#options.isCommandLine
        ? 'unexpected end of parameter, expecting ";"'
        : 'unexpected end of file, expecting ";" or "}"';
      this.#error(at, message, this.#missingSemicolon());
    } else if (innermost !== undefined && !this.#options.isCommandLine) {
      const name = innermost.directive === null ? '' : ` of "${innermost.directive.text}"`;
      const hint = `the "{"${name} on line ${innermost.at.line} is not closed`;
      this.#error(at, 'unexpected end of file, expecting "}"', hint);
    }
    this.#clear();
    for (let block = this.#open.pop(); block !== undefined; block = this.#open.pop()) {
      this.#attach(block);
    }
  }
}

function toArgument(word: WordToken): Argument {
  return { text: word.text, quoted: word.quoted, at: word.at };
}
