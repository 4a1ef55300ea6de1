import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMilliseconds, parseSeconds } from './duration.ts';

test('a number without a unit counts seconds', () => {
  assert.equal(parseMilliseconds('75'), 75_000);
  assert.equal(parseSeconds('75'), 75);
});

test('units combine in falling order, with spaces between', () => {
  assert.equal(parseMilliseconds('1h30m'), 5_400_000);
  assert.equal(parseMilliseconds('1m1ms'), 60_001);
  assert.equal(parseMilliseconds('1h 30m'), 5_400_000);
  assert.equal(parseMilliseconds('1m30'), 90_000);
  assert.equal(parseMilliseconds('1w1d'), 8 * 86_400_000);
  assert.equal(parseSeconds('1y1M'), 395 * 86_400);
});

test('months and years need whole seconds, milliseconds the finer times', () => {
  assert.equal(parseMilliseconds('1M'), null);
  assert.equal(parseMilliseconds('1y'), null);
  assert.equal(parseSeconds('1ms'), null);
});

test('what is no time is refused', () => {
  const wrong = ['', 'h', '1h1h', '1m1h', '1.5s', '-1', '1K', 'x', '99999999999999999999', '1 h'];
  for (const text of wrong) assert.equal(parseMilliseconds(text), null, text);
});
