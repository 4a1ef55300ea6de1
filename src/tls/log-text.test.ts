import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLine, quoted } from './log-text.ts';

test('a quotation cannot be ended from within', () => {
  assert.equal(quoted('a", b'), '"a\\x22, b"');
});

test('bytes that could break the line are written as their codes', () => {
  assert.equal(quoted('a\r\n\u0000b\u001b'), '"a\\x0D\\x0A\\x00b\\x1B"');
  assert.equal(oneLine('a\nb'), 'a\\x0Ab');
});

test('what is not ASCII is written in UTF-8', () => {
  assert.equal(quoted('ü€'), '"\\xC3\\xBC\\xE2\\x82\\xAC"');
  assert.equal(oneLine('\u{1f600}'), '\\xF0\\x9F\\x98\\x80');
});
