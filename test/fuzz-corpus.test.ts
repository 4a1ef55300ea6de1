// Every input that fuzzing has kept, and every seed, against every target: also those of others,
// since what is odd for one reader is odd for another. `npm run test:fuzz` looks for new ones.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCorpus, totalCorpusBytes } from '../scripts/fuzz/corpus.ts';
import { minimise } from '../scripts/fuzz/minimise.ts';
import { mutate } from '../scripts/fuzz/mutate.ts';
import { inPieces } from '../scripts/fuzz/target.ts';
import { fuzzTargets } from '../scripts/fuzz/targets/index.ts';
import { Random } from './kit/random.ts';
import { repository } from './kit/source-tree.ts';

const inputs = fuzzTargets.flatMap(({ name, seeds }) => [
  ...readCorpus(name).map((file) => ({ from: `${name}/${file.name}`, bytes: file.bytes })),
  ...seeds.map((seed, i) => ({
    from: `seed ${i} of ${name}`,
    bytes: typeof seed === 'string' ? Buffer.from(seed, 'latin1') : seed,
  })),
]);

for (const target of fuzzTargets) {
  // The slowest ones take their own and their nearest relatives' alone.
  const own = target.workPerByte !== undefined;
  const taken = own
    ? inputs.filter(({ from }) => /\b(?:configuration|directives)\b/.test(from))
    : inputs;
  test(`${taken.length} inputs do no harm to ${target.name}`, () => {
    for (const { from, bytes } of taken) {
      if (bytes.length > target.maxBytes) continue;
      assert.doesNotThrow(() => target.run(bytes), from);
    }
  });
}

test('the corpus has a folder for every target and no other, and stays small', () => {
  const folders = readdirSync(join(repository, 'fuzz', 'corpus')).sort();
  assert.deepEqual(folders, fuzzTargets.map(({ name }) => name).sort());
  assert.ok(totalCorpusBytes() < 150_000);
});

test('a smaller input that still matters is found', () => {
  const wanted = (bytes: Buffer): boolean => bytes.includes('x') && bytes.includes('y');
  assert.equal(minimise(Buffer.from('aaaaxbbbbbybbbb'), wanted).toString(), 'xy');
});

test('mutations stay within bounds, and a seed repeats them', () => {
  const run = (): string[] => {
    const random = new Random(5);
    const other = (): Buffer => Buffer.from('other 12');
    const material = { random, words: [Buffer.from('word')], other, maxBytes: 40 };
    return Array.from({ length: 500 }, () =>
      mutate(Buffer.from('an input'), material).toString('latin1'),
    );
  };
  const made = run();
  assert.deepEqual(run(), made);
  assert.ok(made.every((text) => text.length <= 40));
  assert.ok(new Set(made).size > 300);
});

test('pieces make up the whole', () => {
  const input = Buffer.from('abcdefghijklmnopqrstuvwxyz'.repeat(9));
  for (const way of [0, 1, 2]) assert.ok(Buffer.concat(inPieces(input, way)).equals(input));
});
