// Regular expressions: what groups may hold, anchors, and cost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  charsOf,
  groupsOfRegex,
  isAnchoredAtEnd,
  isAnchoredAtStart,
  isExponential,
  isFixedList,
  readRegex,
} from './regex-facts.ts';
import type { RegexNode } from './regex.ts';

function read(text: string): RegexNode {
  const node = readRegex({ text, caseless: false });
  assert.ok(node !== null, text);
  return node;
}

test('a group holds a line break only where its class lets one in', () => {
  const canBreak = (text: string): boolean | undefined => {
    const [group] = groupsOfRegex(read(text));
    return group === undefined ? undefined : charsOf(group.item).has('\n');
  };
  assert.equal(canBreak('^/(.*)$'), false);
  assert.equal(canBreak('^/([^/]+)/x'), true);
  assert.equal(canBreak('^/([^\\s]+)/x'), false);
  assert.equal(canBreak('^/(?<name>[\\w.-]+)$'), false);
  assert.equal(canBreak('^/([[:alnum:]]+)$'), false);
  assert.equal(canBreak('^/(?:[^/]+)/x'), undefined);
});

test('groups have the numbers and names that PCRE gives them', () => {
  const groups = groupsOfRegex(read('^(?:a)(?<first>b(c))(?=x)(?P<second>d)$'));
  assert.deepEqual(
    groups.map(({ index, name }) => [index, name]),
    [
      [1, 'first'],
      [2, null],
      [3, 'second'],
    ],
  );
});

test('a list of fixed texts is told from a pattern', () => {
  assert.equal(isFixedList(read('(en|de|fr-FR)')), true);
  assert.equal(isFixedList(read('(colou?r)')), true);
  assert.equal(isFixedList(read('([a-z]{2})')), false);
  assert.equal(isFixedList(read('(a+)')), false);
});

test('every branch has to be anchored', () => {
  assert.equal(isAnchoredAtStart(read('^a|^b')), true);
  assert.equal(isAnchoredAtStart(read('^a|b')), false);
  assert.equal(isAnchoredAtEnd(read('(a$|b$)')), true);
  assert.equal(isAnchoredAtEnd(read('^(a|b)$|c')), false);
});

test('a repetition that can be cut up in several ways is exponential', () => {
  for (const text of ['(a+)+$', '^(.*)*x', '(\\w+\\s?)*$', '(?:\\w|\\d)+$', '([a-z]+-?){3,}x']) {
    assert.equal(isExponential(read(text)), true, text);
  }
  for (const text of ['(/[^/]+)+$', '(?>a+)+b', '(a++)+b', '(\\d{1,3}\\.){3}', '(a|b)+', '.*.*']) {
    assert.equal(isExponential(read(text)), false, text);
  }
});

test('what is no expression is not understood, and does not throw', () => {
  for (const text of [
    '(',
    ')',
    '[',
    '*a',
    'a{2',
    '(?',
    '(?<',
    '\\',
    '[a-',
    '(?P>x)',
    '[[:none:]]',
  ]) {
    assert.doesNotThrow(() => readRegex({ text, caseless: true }), text);
  }
  assert.equal(readRegex({ text: '(', caseless: false }), null);
});
