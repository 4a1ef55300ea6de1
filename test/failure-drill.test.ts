// Under 500 requests a second with three of four servers flapping, no idempotent request fails that
// the fourth could have served, and no POST is sent twice. `npm run test:drill` does it for a minute.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureDrill } from './kit/flapping.ts';

test('while three of four servers come and go, no GET fails and no POST is repeated', async (t) => {
  const result = await failureDrill(10, t);
  assert.equal(result.requests, 5000);
  assert.ok(result.changes > 0, 'they did come and go');
  assert.ok(result.retriedGets > 0, 'and requests had to go elsewhere');
  assert.equal(result.failedGets, 0);
  assert.equal(result.repeatedPosts, 0);
});
