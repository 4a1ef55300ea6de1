import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../work.ts';
import { hasErrors, summarise } from './summary.ts';
import { formatSummary, formatVerdicts } from './text.ts';

const work = { name: 'small', help: 'small answers', unit: 'µs', better: 'less' } as const;

function outcome(proxy: string, values: number[], more: Partial<Outcome> = {}): Outcome {
  return { proxy, values, details: {}, errors: 0, failure: null, ...more };
}

const nginx = outcome('nginx', [10, 12, 11], { details: { 'requests/s': [100, 300, 200] } });
const own = outcome('sallyport', [15, 18, 22]);

test('medians, and ratios of medians with the spread over the rounds', () => {
  const { rows } = summarise(work, [nginx, own], []);
  assert.equal(rows[0]?.ratio, null);
  assert.deepEqual(rows[0]?.details, { 'requests/s': 200 });
  assert.equal(rows[1]?.value, 18);
  assert.equal(rows[1]?.ratio, 18 / 11);
  assert.deepEqual(rows[1]?.ratios, { low: 1.5, high: 2 });
});

test('targets are met, missed, or not measured', () => {
  const targets = [
    { work: 'small', against: 'nginx', atMost: 1.7 },
    { work: 'small', against: 'nginx', atMost: 1.6 },
    { work: 'small', against: 'caddy', atMost: 0.25 },
    { work: 'small', against: null, atLeast: 18 },
    { work: 'another', against: null, atMost: 1 },
  ];
  const { verdicts } = summarise(work, [nginx, own], targets);
  assert.deepEqual(
    verdicts.map(({ met }) => met),
    [true, false, null, true],
  );
  assert.equal(verdicts[3]?.text, 'at least 18 µs');
});

test('nothing is compared with a proxy that made errors', () => {
  const broken = outcome('nginx', [10, 12, 11], { errors: 3 });
  const targets = [{ work: 'small', against: 'nginx', atMost: 1.7 }];
  const summary = summarise(work, [broken, own], targets);
  assert.equal(summary.rows[1]?.ratio, null);
  assert.equal(summary.verdicts[0]?.met, null);
  assert.ok(hasErrors([summary]));
  assert.match(formatSummary(summary), /nginx \(3 ERRORS\)/);
});

test('own errors make no target met', () => {
  const broken = outcome('sallyport', [1, 1, 1], { errors: 1 });
  const targets = [{ work: 'small', against: 'nginx', atMost: 1.7 }];
  assert.equal(summarise(work, [nginx, broken], targets).verdicts[0]?.met, null);
});

test('the text names values, ratios, failures and targets', () => {
  const failed = outcome('caddy', [], { failure: 'does not serve' });
  const targets = [{ work: 'small', against: 'nginx', atMost: 1.6 }];
  const summary = summarise(work, [nginx, own, failed], targets);
  const text = formatSummary(summary);
  assert.match(text, /sallyport +18 \(15 to 22\) +1\.64 \(1\.50 to 2\)/);
  assert.match(text, /caddy FAILED: does not serve/);
  assert.match(text, /✖ at most 1\.6 x nginx: 1\.64/);
  assert.match(formatVerdicts([summary]), /✖ small +at most 1\.6 x nginx +1\.64/);
});

test('many further numbers stand below, a line each', () => {
  const details = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name, i) => [name, [i]]));
  const text = formatSummary(summarise(work, [outcome('nginx', [1], { details })], []));
  assert.match(text, /^ +e +4$/m);
});
