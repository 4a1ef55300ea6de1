import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format } from 'prettier';
import { peers } from '../peers/index.ts';
import { targets } from '../targets.ts';
import type { Outcome } from '../work.ts';
import { works } from '../works/index.ts';
import { markdownTable, replaceBetween, resultSection } from './markdown.ts';
import { formatValue, formatWithSpread } from './numbers.ts';
import { summarise } from './summary.ts';

test('a section is put between its markers, again and again', () => {
  const page = 'before\n\n<!-- begin x -->\n\nold\n\n<!-- end x -->\n\nafter\n';
  const once = replaceBetween(page, 'x', 'new\n');
  assert.equal(once, 'before\n\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\n\nafter\n');
  assert.equal(replaceBetween(once, 'x', 'new'), once);
});

test('a page without markers is left alone', () => {
  assert.throws(() => replaceBetween('nothing', 'x', 'new'), /no "<!-- begin x -->"/);
  assert.throws(() => replaceBetween('<!-- end x --><!-- begin x -->', 'x', 'new'), /no "/);
});

test('a bar in a cell does not end it', () => {
  assert.equal(
    markdownTable([
      ['a', 'b'],
      ['1|2', '3'],
    ]),
    '| a | b |\n| --- | --- |\n| 1\\|2 | 3 |',
  );
});

const machine = {
  processor: 'Z80',
  cores: 2,
  kernel: '6.1',
  memoryGb: 4,
  load: 0,
  versions: { nginx: '1.2.3' },
};

function outcome(proxy: string, value: number): Outcome {
  return { proxy, values: [value, value + 1, value + 2], details: {}, errors: 0, failure: null };
}

test('the section names machine, values, ratios, other proxies and targets', () => {
  const work = { name: 'small', help: 'answers', unit: 'µs', better: 'less' } as const;
  const limits = [{ work: 'small', against: 'nginx', atMost: 1.6 }];
  const outcomes = [outcome('nginx', 9), outcome('sallyport', 14), outcome('caddy', 59)];
  const text = resultSection([summarise(work, outcomes, limits)], machine, 'One run.');
  assert.match(text, /2 cores of Z80, 4 GB, Linux 6\.1; nginx 1\.2\.3\. One run\./);
  assert.match(text, /\| small \| µs \| 10 \| 15 \| 1\.50 \(1\.45 to 1\.56\) \|/);
  assert.match(text, /\| work \| caddy \|\n.*\n\| small \| 4 \|/);
  assert.match(text, /\| ✔ \| small \| at most 1\.6 x nginx \| 1\.50 \|/);
  assert.match(text, /- `small`: answers/);
});

test('the page of all works and proxies keeps to 100 columns', async () => {
  const summaries = works.map((work) =>
    summarise(
      work,
      work.peers.map((proxy, i) => outcome(proxy, 1234.5 + i)),
      targets,
    ),
  );
  const versions = Object.fromEntries(peers.map(({ name }) => [name, '10.20.30']));
  const text = resultSection(summaries, { ...machine, versions }, 'One run.');
  const page = await format(text, { parser: 'markdown' });
  assert.deepEqual(
    page.split('\n').filter((line) => line.length > 100),
    [],
  );
});

test('numbers have the digits that mean something', () => {
  assert.deepEqual([1234.5, 12.345, 1.2345, 0.01234, 7, 0].map(formatValue), [
    '1235',
    '12.3',
    '1.23',
    '0.012',
    '7',
    '0',
  ]);
  assert.equal(formatValue(NaN), '-');
  assert.equal(formatWithSpread(2, { low: 2, high: 2 }), '2');
  assert.equal(formatWithSpread(null, null), '-');
});
