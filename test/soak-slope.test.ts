// The arithmetic behind the verdict of `npm run test:soak`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slopeOf } from '../scripts/soak/slope.ts';
import { Random } from './kit/random.ts';

const random = new Random(7);

/** A sample a minute for two hours. */
function samples(perHour: number, noise: number): { at: number; value: number }[] {
  return Array.from({ length: 120 }, (_, i) => ({
    at: i / 60,
    value: 100 + (perHour * i) / 60 + noise * (random.below(2001) / 1000 - 1),
  }));
}

test('a slope is found beneath noise, and lies within the range', () => {
  const { perHour, low, high } = slopeOf(samples(5, 2));
  assert.ok(Math.abs(perHour - 5) < 1, `${perHour}`);
  assert.ok(low < 5 && 5 < high && high - low < 3, `${low} to ${high}`);
});

test('a fifth of wild samples does not make a slope', () => {
  const wild = samples(0, 1).map((one, i) => (i % 5 === 4 ? { ...one, value: 400 } : one));
  assert.ok(Math.abs(slopeOf(wild).perHour) < 1);
});

test('what does not change has no slope', () => {
  assert.deepEqual(slopeOf(samples(0, 0)), { perHour: 0, low: 0, high: 0 });
});
