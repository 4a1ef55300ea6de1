import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareBlocks, formatComparison } from './verdict.ts';
import type { Block } from './verdict.ts';

function blocks(factors: readonly number[], errors = 0): Block[] {
  return factors.map((factor) => ({
    a: [10, 10.2, 9.9],
    b: [10, 10.2, 9.9].map((value) => value * factor),
    errors,
  }));
}

test('a clear difference is named with its size', () => {
  const text = formatComparison('small', compareBlocks(blocks([0.8, 0.81, 0.79, 0.8])));
  assert.match(text, /B is 20\.\d % cheaper/);
  const dearer = compareBlocks(blocks([1.3, 1.31, 1.29, 1.3]));
  assert.equal(dearer.changed, 'dearer');
});

test('a difference within the noise is no difference', () => {
  const comparison = compareBlocks(blocks([0.95, 1.06, 0.99, 1.02]));
  assert.equal(comparison.changed, null);
  assert.match(formatComparison('small', comparison), /no difference seen/);
});

test('a version beside itself has a ratio of one', () => {
  const { ratio, a, b } = compareBlocks(blocks([1, 1]));
  assert.ok(Math.abs(ratio - 1) < 1e-9);
  assert.equal(a, b);
});

test('errors are said', () => {
  assert.match(formatComparison('small', compareBlocks(blocks([1, 1], 2))), /4 ERRORS/);
});
