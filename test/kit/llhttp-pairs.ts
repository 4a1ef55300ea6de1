// One message, read by this project's codec and by llhttp: what differs, and whether it is meant.

import { AssertionError } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { minimise } from '../../scripts/fuzz/minimise.ts';
import { llhttpDifferences, type Difference } from './llhttp-differences.ts';
import { factsOf, type Side } from './message-facts.ts';
import { llhttpRequest, llhttpResponse } from './llhttp.ts';
import { readRequests, readResponse } from './own-codec.ts';
import { randomRequest, randomResponse } from './random-messages.ts';
import { Random } from './random.ts';
import { repository } from './source-tree.ts';
import { isInterim, type Understood } from './understood.ts';

/** A message to be read by both. */
export interface ReadCase {
  readonly side: Side;
  readonly bytes: Buffer;
  /** Of the request that a response answers. */
  readonly method: 'GET' | 'HEAD';
}

/** What differs, and the row that allows it; null where none does. */
export interface FoundDifference {
  readonly kind: Difference['kind'];
  readonly row: Difference | null;
  readonly ours: Understood;
  readonly theirs: Understood;
}

interface Both {
  readonly bytes: Buffer;
  readonly ours: Understood;
  readonly theirs: Understood;
}

function firstOnly(understood: Understood): Understood {
  const first = understood.messages.slice(0, 1);
  const isWhole = (first[0]?.end ?? -1) >= 0;
  return { messages: first, refused: isWhole ? null : understood.refused };
}

// Ours does not tell where a response ends, only whether something follows.
function withoutEnds(understood: Understood, excess: boolean): Understood {
  const messages = understood.messages.map((one, i, all) => {
    const isLast = i === all.length - 1;
    return { ...one, end: one.end < 0 ? -1 : isLast && excess ? 1 : 0 };
  });
  return { ...understood, messages };
}

function readBoth({ side, method }: ReadCase, bytes: Buffer): Both {
  if (side === 'request') {
    return { bytes, ours: firstOnly(readRequests([bytes])), theirs: llhttpRequest(bytes) };
  }
  const way = { method, ended: true };
  const ours = readResponse([bytes], way);
  const theirs = llhttpResponse(bytes, way);
  const theirEnd = theirs.messages.at(-1)?.end ?? -1;
  return {
    bytes,
    ours: withoutEnds({ messages: ours.messages, refused: ours.refused }, ours.excess),
    theirs: withoutEnds(theirs, theirEnd >= 0 && theirEnd < bytes.length),
  };
}

const emptyLine = Buffer.from('\r\n\r\n');

// Does it end within a head, or is it refused by llhttp within a trailer section?
function isUnjudged({ side }: ReadCase, { ours, theirs }: Both): boolean {
  if (ours.refused !== null) return false;
  const last = ours.messages.at(-1);
  if (last === undefined) return true;
  if (last.end < 0) return theirs.refused !== null;
  return side === 'response' && isInterim(last.start);
}

/** Null where both understand the same. */
export function differenceOf(one: ReadCase): FoundDifference | null {
  let both = readBoth(one, one.bytes);
  // We judge a head when it is complete, llhttp byte by byte: what is cut off is completed first.
  if (isUnjudged(one, both)) both = readBoth(one, Buffer.concat([one.bytes, emptyLine]));
  const { bytes, ours, theirs } = both;
  const [we, they] = [ours.refused !== null, theirs.refused !== null];
  if (we && they) return null;
  if (!we && !they && isDeepStrictEqual(ours, theirs)) return null;
  const kind = we ? 'we refuse' : they ? 'llhttp refuses' : 'otherwise';
  const head = startOfLastHead(bytes, one.side);
  const facts = factsOf(bytes, one.side, head);
  const row = llhttpDifferences.find(
    (difference) =>
      difference.kind === kind &&
      (difference.side === 'both' || difference.side === one.side) &&
      difference.when(facts),
  );
  return { kind, row: row ?? null, ours, theirs };
}

function startOfLastHead(bytes: Buffer, side: Side): number {
  if (side === 'request') return 0;
  const interim =
    /^(?:HTTP\/1\.[01] 1(?!01)\d\d[\t -~\x80-\xff]*\r\n(?:[\t -~\x80-\xff]+\r\n)*\r\n)+/;
  return interim.exec(bytes.toString('latin1'))?.[0].length ?? 0;
}

export interface LlhttpRun {
  readonly seed: number;
  readonly count: number;
}

/** How many messages both accepted, and how often each row was needed. */
export interface LlhttpTally {
  readonly accepted: number;
  readonly rows: ReadonlyMap<string, number>;
}

/**
 * Compares `count` random messages, as many requests as responses.
 *
 * @throws AssertionError for a difference that no row allows, with the seed and the smallest message
 *   that shows it, which is also written to `fuzz/crashes/`
 */
export function compareWithLlhttp({ seed, count }: LlhttpRun): LlhttpTally {
  const random = new Random(seed);
  const rows = new Map<string, number>();
  let accepted = 0;
  for (let i = 0; i < count; i += 1) {
    const one: ReadCase =
      i % 2 === 0
        ? { side: 'request', method: 'GET', ...randomRequest(random) }
        : { side: 'response', ...randomResponse(random) };
    const found = differenceOf(one);
    if (found === null) {
      if (readBoth(one, one.bytes).ours.refused === null) accepted += 1;
    } else if (found.row === null) {
      throw unexplained(one, found, seed);
    } else {
      rows.set(found.row.name, (rows.get(found.row.name) ?? 0) + 1);
    }
  }
  return { accepted, rows };
}

function unexplained(one: ReadCase, found: FoundDifference, seed: number): AssertionError {
  const smallest = minimise(one.bytes, (bytes) => {
    const other = differenceOf({ ...one, bytes });
    return other !== null && other.row === null && other.kind === found.kind;
  });
  const shown = differenceOf({ ...one, bytes: smallest }) ?? found;
  const folder = `${repository}/fuzz/crashes`;
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/llhttp-${one.side}-${seed}`;
  writeFileSync(file, smallest);
  return new AssertionError({
    message: [
      `seed ${seed}: ${found.kind}, and no row of llhttp-differences.ts says why`,
      `${one.side} (${one.method}): ${JSON.stringify(smallest.toString('latin1'))}`,
      `ours: ${JSON.stringify(shown.ours)}`,
      `llhttp: ${JSON.stringify(shown.theirs)}`,
      `written to ${file}`,
    ].join('\n'),
  });
}
