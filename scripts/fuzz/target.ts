// What a fuzz target is: a reader of untrusted bytes, what it begins with, and what must hold for
// any input whatever.

export interface FuzzTarget {
  /** Also the name of its folder in `fuzz/corpus/`. */
  readonly name: string;
  /** Files and folders of `src/` whose branches are reported as its coverage. */
  readonly code: readonly string[];
  /** What it begins with, beside its corpus. Text is latin1. */
  readonly seeds: readonly (string | Buffer)[];
  /** What mutations insert, beside the literals of the code itself. Text is latin1. */
  readonly words: readonly string[];
  /** Longer inputs are not made. */
  readonly maxBytes: number;
  /** Branches that a byte of input may cost, where that is more than usual. */
  readonly workPerByte?: number;
  /** Throws where something does not hold. What the code may throw is for the target to catch. */
  readonly run: (input: Buffer) => void;
}

/** Pieces of an input, cut where the input itself decides, so that a run can be repeated. */
export function inPieces(input: Buffer, way: number): Buffer[] {
  const pieces: Buffer[] = [];
  let state = (input.length * 31 + way * 7919 + 17) >>> 0;
  for (let at = 0; at < input.length;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const size = way === 0 ? 1 : 1 + ((state >>> 16) % (way * 24));
    pieces.push(input.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
