// The tree that the parser makes: directives with their arguments, each with its place in a file.

/** A place in a configuration file. Line and column count from 1; columns count characters. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One argument, unquoted and unescaped as nginx does it. */
export interface Argument {
  readonly text: string;
  /** Was it written in quotes? Then `$` still expands but an empty text counts as given. */
  readonly quoted: boolean;
  readonly at: Position;
}

/** One directive: simple where `block` is null. `include` never appears: it is already resolved. */
export interface DirectiveNode {
  readonly name: string;
  readonly at: Position;
  readonly args: readonly Argument[];
  readonly block: readonly DirectiveNode[] | null;
}
