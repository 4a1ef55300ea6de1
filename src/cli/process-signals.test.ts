import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSecondStop } from './process-signals.ts';

test('a stop signal that comes twice in one moment is one', () => {
  assert.equal(isSecondStop({ stoppingSince: null }, 5000), false);
  assert.equal(isSecondStop({ stoppingSince: 5000 }, 5001), false);
});

test('a stop signal that is repeated later ends the wait', () => {
  assert.equal(isSecondStop({ stoppingSince: 5000 }, 5500), true);
});
