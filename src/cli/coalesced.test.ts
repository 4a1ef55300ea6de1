import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Coalesced } from './coalesced.ts';

test('what is asked for while it is done is done once more, however often it is asked for', async () => {
  const ends: (() => void)[] = [];
  const work = new Coalesced(() => new Promise((resolve) => ends.push(resolve)));
  for (let i = 0; i < 5; i += 1) work.ask();
  assert.equal(ends.length, 1);
  ends[0]?.();
  await new Promise(setImmediate);
  assert.equal(ends.length, 2);
  ends[1]?.();
  await new Promise(setImmediate);
  assert.equal(ends.length, 2);
  work.ask();
  assert.equal(ends.length, 3);
});
