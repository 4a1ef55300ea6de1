// What the rules ask about a regular expression.

import { CharSet } from './char-set.ts';
import { parseRegex, type RegexGroup, type RegexNode } from './regex.ts';

/** The pieces that a piece is made of, one level down. */
function parts(node: RegexNode): readonly RegexNode[] {
  if (node.kind === 'sequence' || node.kind === 'choice') return node.items;
  return node.kind === 'repeat' || node.kind === 'group' ? [node.item] : [];
}

function* pieces(node: RegexNode): Generator<RegexNode> {
  yield node;
  for (const part of parts(node)) yield* pieces(part);
}

/** The groups that catch, in order. */
export function groupsOfRegex(node: RegexNode): readonly RegexGroup[] {
  return [...pieces(node)].filter(
    (piece): piece is RegexGroup => piece.kind === 'group' && piece.index !== null,
  );
}

/** All characters that a piece may match. */
export function charsOf(node: RegexNode): CharSet {
  const set = new CharSet();
  for (const piece of pieces(node)) if (piece.kind === 'chars') set.addAll(piece.set);
  return set;
}

/** Is it a list of fixed texts, such as `(en|de|fr)`? */
export function isFixedList(node: RegexNode): boolean {
  return [...pieces(node)].every((piece) => {
    if (piece.kind === 'chars') return piece.set.withBothCases().size <= 2;
    return piece.kind !== 'repeat' || piece.most <= 1;
  });
}

/** Is what it matches empty, or begins with a slash? */
export function beginsWithSlash(node: RegexNode): boolean {
  if (node.kind === 'chars') return node.set.size === 1 && node.set.has('/');
  if (node.kind === 'choice') return node.items.every(beginsWithSlash);
  if (node.kind === 'repeat' || node.kind === 'group') return beginsWithSlash(node.item);
  const first = node.kind === 'sequence' ? node.items[0] : undefined;
  return node.kind === 'empty' || (first === undefined ? false : beginsWithSlash(first));
}

/** Does every way through it begin at the start of the text? */
export function isAnchoredAtStart(node: RegexNode): boolean {
  if (node.kind === 'start') return true;
  if (node.kind === 'choice') return node.items.every(isAnchoredAtStart);
  if (node.kind === 'group') return isAnchoredAtStart(node.item);
  if (node.kind !== 'sequence') return false;
  const first = node.items.find(({ kind }) => kind !== 'look' && kind !== 'empty');
  return first !== undefined && isAnchoredAtStart(first);
}

/** Does every way through it end at the end of the text? */
export function isAnchoredAtEnd(node: RegexNode): boolean {
  if (node.kind === 'end') return true;
  if (node.kind === 'choice') return node.items.every(isAnchoredAtEnd);
  if (node.kind === 'group') return isAnchoredAtEnd(node.item);
  if (node.kind !== 'sequence') return false;
  const last = node.items.findLast(({ kind }) => kind !== 'look' && kind !== 'empty');
  return last !== undefined && isAnchoredAtEnd(last);
}

/** Can it take exponential time: a repetition whose inside can be cut up in several ways? */
export function isExponential(node: RegexNode): boolean {
  if (node.kind === 'repeat' && node.most > 10 && !node.possessive && isAmbiguous(node.item)) {
    return true;
  }
  return node.kind === 'group' && node.atomic ? false : parts(node).some(isExponential);
}

function isAmbiguous(node: RegexNode): boolean {
  if (node.kind === 'group') return !node.atomic && isAmbiguous(node.item);
  if (node.kind === 'repeat') {
    return (
      (!node.possessive && node.most === Infinity && node.least <= 1) || isAmbiguous(node.item)
    );
  }
  if (node.kind === 'choice') return node.items.some(isAmbiguous) || overlaps(node.items);
  if (node.kind !== 'sequence') return false;
  return node.items.some(
    (item, i) => isAmbiguous(item) && !isSeparated(node.items.toSpliced(i, 1), charsOf(item)),
  );
}

// A part that must be there and that the repetition cannot match keeps the rounds apart.
function isSeparated(others: readonly RegexNode[], repeated: CharSet): boolean {
  return others.some((other) => mustMatch(other) && !charsOf(other).meets(repeated));
}

function mustMatch(node: RegexNode): boolean {
  if (node.kind === 'chars') return true;
  if (node.kind === 'repeat') return node.least > 0 && mustMatch(node.item);
  if (node.kind === 'group') return mustMatch(node.item);
  if (node.kind === 'choice') return node.items.every(mustMatch);
  return node.kind === 'sequence' && node.items.some(mustMatch);
}

// `(\w|\d)*`: two branches of one character each that can both match it.
function overlaps(branches: readonly RegexNode[]): boolean {
  const single = branches.flatMap((branch) => {
    const [only, more] = branch.kind === 'sequence' ? branch.items : [branch];
    return more === undefined && only?.kind === 'chars' ? [only.set] : [];
  });
  return single.some((set, i) => single.slice(i + 1).some((other) => other.meets(set)));
}

/** One place where a regular expression stands. */
export interface RegexText {
  readonly text: string;
  readonly caseless: boolean;
}

/** The expression of `~…` or `~*…` in one word, as in `map` and `server_name`; null where none. */
export function regexOfWord(word: string): RegexText | null {
  if (!word.startsWith('~')) return null;
  const caseless = word.startsWith('~*');
  return { text: word.slice(caseless ? 2 : 1), caseless };
}

const known = new Map<string, RegexNode | null>();

/** Parsed once for each text; null where it is not understood. */
export function readRegex({ text, caseless }: RegexText): RegexNode | null {
  const key = `${caseless ? 'i' : '-'}${text}`;
  let node = known.get(key);
  if (node === undefined) {
    node = parseRegex(text, caseless);
    if (known.size > 5000) known.clear();
    known.set(key, node);
  }
  return node;
}
