// Patterns for PCRE as JavaScript understands them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromPcre } from './regular-expression.ts';

function matches(pattern: string, text: string): boolean {
  const { source, flags } = fromPcre(pattern, '');
  return new RegExp(source, flags).test(text);
}

const cases: readonly (readonly [pattern: string, text: string, expected: boolean])[] = [
  ['\\.php$', '/a.php', true],
  ['\\.php$', '/a.php\n', true],
  ['\\.php$', '/a.php\n\n', false],
  ['\\.php$', '/a.phpx', false],
  ['^a.b$', 'a\rb', true],
  ['^a.b$', 'a\nb', false],
  ['^a[.$]b$', 'a.b', true],
  ['^a[.$]b$', 'a$b', true],
  ['^a[.$]b$', 'axb', false],
  ['^a[\\].]b$', 'a]b', true],
  ['^a\\$b\\.c$', 'a$b.c', true],
  ['^a\\\\.$', 'a\\x', true],
  ['(?i)^abc$', 'ABC', true],
  ['^(?P<one>a)\\k<one>$', 'aa', true],
];

for (const [pattern, text, expected] of cases) {
  test(`${pattern} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
    assert.equal(matches(pattern, text), expected);
  });
}
