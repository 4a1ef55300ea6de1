// What matches a path or a value: a regular expression, or one whose match has to be rearranged or
// stopped in time.

/** The part of a RegExp that the data path uses. */
export interface Matcher {
  /** @throws where the match takes too long */
  exec(text: string): RegExpExecArray | null;
}
