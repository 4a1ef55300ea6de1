import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capacity } from './two-workers.ts';

test('one thread is held back by itself, two by the cores or by the busier one', () => {
  // 1000 requests, 10 µs each: one thread serves 100,000 a second.
  assert.equal(capacity(10_000, 10_000, 1000), 100_000);
  // Shared equally: two cores serve twice as many.
  assert.equal(capacity(5000, 10_000, 1000), 200_000);
  // Three quarters on one thread: that one is full first.
  assert.equal(Math.round(capacity(7500, 10_000, 1000)), 133_333);
});
