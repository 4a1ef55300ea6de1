import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restartDelay } from './restart-delay.ts';

test('the first restart is immediate, later ones wait twice as long, at most 30 s', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map(restartDelay);
  assert.deepEqual(delays, [0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});
