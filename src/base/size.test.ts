import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOffset, parseSize } from './size.ts';

test('sizes take k and m in both cases, and no unit for bytes', () => {
  const given = ['0', '512', '8k', '8K', '1m', '2M'];
  assert.deepEqual(given.map(parseSize), [0, 512, 8192, 8192, 1048576, 2097152]);
});

test('only offsets take g', () => {
  assert.equal(parseSize('1g'), null);
  assert.equal(parseOffset('1g'), 1024 ** 3);
  assert.equal(parseOffset('1G'), 1024 ** 3);
});

test('what is no size, or too large to count, is refused', () => {
  for (const text of ['', 'k', '1kk', '-1', '1.5k', '1 k', '1t', '9007199254740993', ' 1']) {
    assert.equal(parseSize(text), null, text);
    assert.equal(parseOffset(text), null, text);
  }
});
