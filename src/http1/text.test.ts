import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasControl, isFieldValue, isRequestTarget, isToken } from './text.ts';

// U+010A and U+010D would leave as LF and CR, since latin1 keeps the low byte only.
const neverLeave = [
  'a\rb',
  'a\nb',
  'a\0b',
  'a\x1bb',
  'a\x7fb',
  'a\u010ab',
  'a\u010db',
  '\ud83d\ude00',
];

test('control characters and what latin1 would turn into them pass no guard', () => {
  for (const text of neverLeave) {
    assert.equal(isToken(text), false);
    assert.equal(isFieldValue(text), false);
    assert.equal(isRequestTarget(text), false);
    assert.equal(hasControl(text), true);
  }
});

test('a token is one or more token characters', () => {
  for (const text of ['a', 'X-A_b', "!#$%&'*+-.^_`|~09azAZ"]) assert.equal(isToken(text), true);
  for (const text of ['', ' ', 'a b', 'a:', '(', 'a/b', '"', '\xe9', '[']) {
    assert.equal(isToken(text), false, text);
  }
});

test('a field value may hold tabs, spaces and obs-text, and be empty', () => {
  for (const text of ['', 'a b', 'a\tb', '\xe9\xff', '"quoted"']) {
    assert.equal(isFieldValue(text), true);
  }
});

test('a request target holds neither space nor tab and is not empty', () => {
  for (const text of ['/', '*', '/a?b#c', '/\xe9']) assert.equal(isRequestTarget(text), true);
  for (const text of ['', '/a b', '/a\tb']) assert.equal(isRequestTarget(text), false);
});

test('tab is a control character where only plain text will do', () => {
  assert.equal(hasControl('a\tb'), true);
  assert.equal(hasControl('a b\xe9'), false);
});
