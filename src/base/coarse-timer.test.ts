// Order and number of firings; never how long they took.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { CoarseTimer } from './coarse-timer.ts';

// The timers keep no event loop alive.
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await wait(5);
}

test('fires once for each arming, and never early', async () => {
  let fired = 0;
  const timer = new CoarseTimer(() => (fired += 1));
  const started = performance.now();
  timer.arm(30);
  assert.equal(timer.armed, true);
  await until(() => fired === 1);
  assert.ok(performance.now() - started >= 30);
  assert.equal(timer.armed, false);
  await wait(150);
  assert.equal(fired, 1);
  timer.arm(1);
  await until(() => fired === 2);
});

test('a disarmed timer does not fire, and can be armed again', async () => {
  const order: string[] = [];
  const off = new CoarseTimer(() => order.push('off'));
  const on = new CoarseTimer(() => order.push('on'));
  off.arm(10);
  on.arm(60);
  off.disarm();
  await until(() => order.length > 0);
  assert.deepEqual(order, ['on']);
  off.arm(1);
  await until(() => order.length === 2);
  assert.deepEqual(order, ['on', 'off']);
});

test('a timer that rests does not fire, and can be armed again for sooner or later', async () => {
  const order: string[] = [];
  const resting = new CoarseTimer(() => order.push('resting'));
  const other = new CoarseTimer(() => order.push('other'));
  resting.arm(10);
  resting.rest();
  assert.equal(resting.armed, false);
  other.arm(100);
  await until(() => order.length === 1);
  resting.arm(60_000);
  resting.rest();
  resting.arm(1);
  await until(() => order.length === 2);
  assert.deepEqual(order, ['other', 'resting']);
});

test('arming anew moves the deadline, for later as well as for sooner', async () => {
  const order: string[] = [];
  const later = new CoarseTimer(() => order.push('later'));
  const sooner = new CoarseTimer(() => order.push('sooner'));
  const between = new CoarseTimer(() => order.push('between'));
  later.arm(10);
  later.arm(600);
  sooner.arm(60_000);
  sooner.arm(20);
  between.arm(300);
  await until(() => order.length === 3);
  assert.deepEqual(order, ['sooner', 'between', 'later']);
});

test('many timers of several durations fire in the order of their deadlines', async () => {
  const order: number[] = [];
  const durations = [400, 1, 200, 400, 1, 200];
  for (const ms of durations) new CoarseTimer(() => order.push(ms)).arm(ms);
  await until(() => order.length === durations.length);
  assert.deepEqual(order, [1, 1, 200, 200, 400, 400]);
});

test('a timer may arm itself or others when it fires', async () => {
  let fired = 0;
  const timer: CoarseTimer = new CoarseTimer(() => {
    fired += 1;
    if (fired < 3) timer.arm(1);
  });
  timer.arm(1);
  await until(() => fired === 3);
});
