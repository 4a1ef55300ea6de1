// The inputs that are kept, as small files: `fuzz/corpus/TARGET/HASH`; and those that broke
// something: `fuzz/crashes/TARGET-HASH`.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../fuzz/', import.meta.url));

/** What a target's folder may hold, in bytes. */
export const corpusBytes = 10_000;

export interface CorpusFile {
  readonly name: string;
  readonly bytes: Buffer;
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}

/** The inputs kept for a target, sorted by name. */
export function readCorpus(target: string): CorpusFile[] {
  const place = join(folder, 'corpus', target);
  mkdirSync(place, { recursive: true });
  return readdirSync(place)
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(place, name)) }));
}

/** The size of everything that is kept, for all targets. */
export function totalCorpusBytes(): number {
  const targets = readdirSync(join(folder, 'corpus'));
  return targets
    .flatMap((target) => readCorpus(target))
    .reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Replaces the inputs kept for a target. */
export function writeCorpus(target: string, inputs: readonly Buffer[]): void {
  const wanted = new Map(inputs.map((bytes) => [hashOf(bytes), bytes]));
  const place = join(folder, 'corpus', target);
  const present = new Set(readCorpus(target).map(({ name }) => name));
  for (const name of present) if (!wanted.has(name)) rmSync(join(place, name));
  for (const [name, bytes] of wanted) {
    if (!present.has(name)) writeFileSync(join(place, name), bytes);
  }
}

/** Where an input that broke something is kept. */
export function crashFile(target: string, bytes: Buffer): string {
  mkdirSync(join(folder, 'crashes'), { recursive: true });
  return join(folder, 'crashes', `${target}-${hashOf(bytes)}`);
}

/** Keeps an input that broke something. @returns the file */
export function writeCrash(target: string, bytes: Buffer): string {
  const file = crashFile(target, bytes);
  writeFileSync(file, bytes);
  return file;
}
