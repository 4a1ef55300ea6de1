import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkerCounters } from './worker-counters.ts';

test('the totals are the sums over all workers', () => {
  const buffer = WorkerCounters.create();
  const [one, two] = [new WorkerCounters(buffer, 1), new WorkerCounters(buffer, 2)];
  for (const worker of [one, two, two, two]) worker.accepted();
  two.refused();
  two.started();
  one.started();
  one.ended();
  two.partial(1);
  assert.deepEqual(new WorkerCounters(buffer, 0).totals(), {
    accepts: 4,
    handled: 3,
    requests: 3,
    active: 3,
    reading: 1,
    writing: 1,
    waiting: 1,
  });
});

test('what a worker has done outlives it, what it was doing does not', () => {
  const buffer = WorkerCounters.create();
  const [one, two] = [new WorkerCounters(buffer, 1), new WorkerCounters(buffer, 2)];
  for (const worker of [one, one, two]) worker.accepted();
  one.started();
  one.partial(1);
  two.started();
  two.forget(1);
  const kept = { accepts: 3, handled: 3, requests: 3 };
  const present = { active: 1, reading: 0, writing: 1, waiting: 0 };
  assert.deepEqual(two.totals(), { ...kept, ...present });
  new WorkerCounters(buffer, 1).accepted();
  assert.equal(two.totals().active, 2);
});
