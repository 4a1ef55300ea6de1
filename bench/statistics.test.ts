import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateRatio, median, quantile, randomFrom, roundRatios, spread } from './statistics.ts';

test('the median is the middle value, or the mean of both middle ones', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([9, 1, 5, 7]), 6);
  assert.ok(Number.isNaN(median([])));
});

test('a quantile lies between its neighbours', () => {
  assert.equal(quantile([1, 2, 3, 4, 5], 0.5), 3);
  assert.equal(quantile([10, 20], 0.25), 12.5);
  assert.equal(quantile([3], 0.975), 3);
});

test('spread of nothing is not a number', () => {
  assert.deepEqual(spread([3, 1, 2]), { low: 1, high: 3 });
  assert.deepEqual(spread([]), { low: NaN, high: NaN });
});

test('ratios pair what was measured in the same round', () => {
  assert.deepEqual(roundRatios([2, 6, 9], [1, 2]), [2, 3]);
});

test('the same seed gives the same numbers, spread over the whole range', () => {
  const numbers = Array.from({ length: 2000 }, randomFrom(7));
  assert.deepEqual(numbers, Array.from({ length: 2000 }, randomFrom(7)));
  assert.notDeepEqual(numbers, Array.from({ length: 2000 }, randomFrom(8)));
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  assert.ok(Math.abs(median(numbers) - 0.5) < 0.05);
});

// Rounds of a program that is `factor` times as dear, with noise of each start and each round.
function noisyBlocks(factor: number, starts: number, seed: number): number[][] {
  const random = randomFrom(seed);
  const noise = (size: number): number => 1 + (random() - 0.5) * size;
  return Array.from({ length: starts }, () => {
    const ofStart = noise(0.06);
    return Array.from({ length: 5 }, () => factor * ofStart * noise(0.04));
  });
}

test('the interval holds the true ratio about as often as it says', () => {
  let held = 0;
  for (let seed = 1; seed <= 200; seed += 1) {
    const { low, high } = estimateRatio(noisyBlocks(0.93, 5, seed), 400);
    if (low <= 0.93 && 0.93 <= high) held += 1;
  }
  assert.ok(held >= 180, `held ${held} of 200`);
  assert.ok(held < 200, 'an interval that is never wrong is too wide');
});

test('a difference far above the noise is seen', () => {
  const { ratio, high } = estimateRatio(noisyBlocks(0.8, 5, 3));
  assert.ok(high < 1);
  assert.ok(Math.abs(ratio - 0.8) < 0.05);
});

test('what differs from start to start widens the interval, however many rounds there are', () => {
  const many = (start: number): number[] => Array.from({ length: 100 }, () => start);
  const { low, high } = estimateRatio([many(0.9), many(1.1), many(1)]);
  assert.ok(low < 0.9 && high > 1.1);
});

test('one start gives the interval of its rounds; none gives nothing', () => {
  const { ratio, low, high } = estimateRatio([[1, 1.1, 1.05]]);
  assert.ok(low < ratio && ratio < high);
  assert.deepEqual(estimateRatio([[]]), { ratio: NaN, low: NaN, high: NaN });
});
