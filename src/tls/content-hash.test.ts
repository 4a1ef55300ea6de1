import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hashable } from './content-hash.ts';
import { contentHash } from './content-hash.ts';

test('the order of fields does not matter', () => {
  assert.equal(contentHash({ a: 1, b: 2 }), contentHash({ b: 2, a: 1 }));
});

test('values that differ in anything hash differently', () => {
  const values: Hashable[] = [
    null,
    true,
    false,
    0,
    1,
    '',
    '1',
    'true',
    [],
    [1],
    ['1'],
    [[1]],
    ['a', 'b'],
    ['ab'],
    ['a,b'],
    {},
    { a: 1 },
    { a: '1' },
    { a: null },
    { a: [1] },
    { b: 1 },
    { a: 1, b: 1 },
    Buffer.of(1),
    Buffer.of(1, 0),
    '01',
  ];
  assert.equal(new Set(values.map(contentHash)).size, values.length);
});
