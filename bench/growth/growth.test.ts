import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatGrowth } from './growth-table.ts';
import { growthKinds, stepWorkload } from './kinds.ts';

test('a step has so many of its kind, and everything else as usual', () => {
  for (const kind of growthKinds) {
    const { beside, connections, path } = stepWorkload(kind, 100);
    assert.equal(connections, kind.busy ? 100 : 64);
    assert.equal(beside === null, kind.beside === null);
    if (kind.name === 'locations') assert.equal(beside?.locations, 100);
    if (kind.name === 'map-entries') assert.equal(path, '/small?key=key-99');
    if (kind.name === 'upstream-servers') assert.equal(beside?.upstreamServers, 100);
  }
});

test('a line a proxy, a column a count', () => {
  const step = (count: number, own: number) => ({
    count,
    outcomes: [
      { proxy: 'nginx', values: [10], details: {}, errors: 0, failure: null },
      { proxy: 'sallyport', values: [own], details: {}, errors: count, failure: null },
    ],
  });
  const text = formatGrowth({ name: 'x', help: 'y' }, [step(0, 20), step(10_000, 30)]);
  assert.match(text, /10,000 +last \/ first/);
  assert.match(text, /sallyport +20 +30 +1\.50/);
  assert.match(text, /sallyport with 10000: 10000 ERRORS/);
});
