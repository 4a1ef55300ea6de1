// Patterns for PCRE as JavaScript understands them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileMatcher } from './matcher.ts';
import { fromPcre, PatternError } from './regular-expression.ts';

const cases: readonly (readonly [
  pattern: string,
  text: string,
  expected: readonly string[] | null,
])[] = [
  ['\\.php$', '/a.php', ['.php']],
  ['\\.php$', '/a.php\n\n', null],
  ['\\.php$', '/a.phpx', null],
  ['(\\.php$)', '/a.php\n', ['.php', '.php']],
  ['^a.b$', 'a\rb', ['a\rb']],
  ['^a.b$', 'a\nb', null],
  ['(?s)^a.b$', 'a\nb', ['a\nb']],
  ['^a[.$]b$', 'a$b', ['a$b']],
  ['^a[.$]b$', 'axb', null],
  ['^a[]]b$', 'a]b', ['a]b']],
  ['^a[^]]b$', 'axb', ['axb']],
  ['^a\\$b\\.c$', 'a$b.c', ['a$b.c']],
  ['(?i)^aBc$', 'AbC', ['AbC']],
  ['^a(?i)bc$', 'aBC', ['aBC']],
  ['^a(?i)bc$', 'ABC', null],
  ['^(a(?i)b)c$', 'aBc', ['aBc', 'aB']],
  ['^(a(?i)b)c$', 'aBC', null],
  ['^(?i:a)b$', 'Ab', ['Ab']],
  ['^(?-i:a)b$', 'Ab', null],
  ['(?i)[a-f]+', 'xFa', ['Fa']],
  ['(?i)é', '\xc3\x89'.toLowerCase(), null],
  ['^(?P<one>a)\\k<one>(?P=one)$', 'aaa', ['aaa', 'a']],
  ["^(?'one'a)\\g{one}\\1\\g{-1}$", 'aaaa', ['aaaa', 'a']],
  ['^(?>a+)ab', 'aaab', null],
  ['^(?>a+)(b)', 'aaab', ['aaab', 'b']],
  ['^(x)a++(b)$', 'xaab', ['xaab', 'x', 'b']],
  ['^a++a', 'aaa', null],
  ['^a*+b', 'aab', ['aab']],
  ['^(?:ab)?+c', 'abc', ['abc']],
  ['^\\Qa.b*\\E+$', 'a.b**', ['a.b**']],
  ['\\Aab\\z', 'ab', ['ab']],
  ['\\Aab\\z', 'ab\n', null],
  ['\\Aab\\Z', 'ab\n', ['ab']],
  ['^\\h+\\H\\v$', ' \tx\x0b', [' \tx\x0b']],
  ['^\\s$', '\xa0', null],
  ['^[\\s\\d]+$', ' 1\t', [' 1\t']],
  ['^[^\\W_]+$', 'a1', ['a1']],
  ['^[[:alpha:][:digit:]-]+$', 'a-1', ['a-1']],
  ['^[[:^digit:]]+$', 'abc', ['abc']],
  ['^[a\\-z]+$', 'a-z', ['a-z']],
  ['^\\x41\\x{42}\\103\\e?$', 'ABC', ['ABC']],
  ['^a{2}b{1,}c{0,1}d{,2}$', 'aabbd{,2}', ['aabbd{,2}']],
  ['^a{x}$', 'a{x}', ['a{x}']],
  ['(?x) ^ a  b # the end\n $', 'ab', ['ab']],
  ['^a(?#comment)b$', 'ab', ['ab']],
  ['(?m)^b$', 'a\nb\nc', ['b']],
  ['^(?!api)(\\w+)$', 'apx', ['apx', 'apx']],
  ['^(?!api)(\\w+)$', 'api', null],
  ['(?<=a)b', 'ab', ['b']],
  ['a\\/b', 'a/b', ['a/b']],
  ['^/(~|@)[\\w.]*$', '/~x', ['/~x', '~']],
  ['\\N\\R', 'x\r\n', ['x\r\n']],
];

for (const [pattern, text, expected] of cases) {
  const what = expected === null ? 'does not match' : 'matches';
  test(`${JSON.stringify(pattern)} ${what} ${JSON.stringify(text)}`, () => {
    const found = compileMatcher(pattern, false).matcher.exec(text);
    assert.deepEqual(found === null ? null : [...found], expected);
  });
}

test('~* takes letters of both cases, of ASCII only', () => {
  const { matcher } = compileMatcher('^/caf\xe9[m-p]$', true);
  assert.ok(matcher.exec('/CAF\xe9N') !== null);
  assert.equal(matcher.exec('/CAF\xc9N'), null);
});

test('names of groups come in order', () => {
  assert.deepEqual(fromPcre('(?<a>x)(?P<b>y)', false).names, ['a', 'b']);
});

const refused: readonly (readonly [pattern: string, why: RegExp])[] = [
  ['(a', /missing closing parenthesis/],
  ['a)', /unmatched closing parenthesis/],
  ['[a', /missing terminating \]/],
  ['*a', /does not follow a repeatable item/],
  ['a*++', /does not follow a repeatable item/],
  ['a{2}+{3}', /does not follow a repeatable item/],
  ['a{3,2}', /numbers out of order/],
  ['a{65536}', /number too big/],
  ['a\\', /\\ at end of pattern/],
  ['[z-a]', /range out of order/],
  ['(?R)', /not available/],
  ['(?(1)a|b)', /not available/],
  ['(?|(a)|(b))', /not available/],
  ['(*UTF8)a', /verbs/],
  ['\\p{L}', /"\\p" is not available/],
  ['a\\Kb', /"\\K" is not available/],
  ['\\x{100}', /UTF mode/],
  ['(?<a>x)(?<a>y)', /two groups/],
  ['\\2(a)', /group that does not exist/],
];

for (const [pattern, why] of refused) {
  test(`${JSON.stringify(pattern)} is refused in words`, () => {
    assert.throws(
      () => compileMatcher(pattern, false),
      (thrown: unknown) => {
        assert.ok(thrown instanceof PatternError);
        assert.match(thrown.message, why);
        return true;
      },
    );
  });
}

const exploding: readonly (readonly [pattern: string, text: string])[] = [
  ['^(a+)+$', `${'a'.repeat(60)}!`],
  ['^/(([^/]+)*/)*\\.php$', `/${'a'.repeat(60)}!`],
  ['(?i)^(a|A)*b$', 'a'.repeat(5000)],
  ['(x+x+)+y', 'x'.repeat(200)],
];

for (const [pattern, text] of exploding) {
  test(`${pattern} is given up in linear time`, { timeout: 20_000 }, () => {
    assert.equal(compileMatcher(pattern, false).matcher.exec(text), null);
  });
}

test('a look-ahead that explodes is stopped', { timeout: 20_000 }, () => {
  const { matcher } = compileMatcher('^(?!x)(a+)+$', false);
  assert.throws(() => matcher.exec(`${'a'.repeat(60)}!`), /took more than/);
  assert.ok(matcher.exec('aaa') !== null);
});

test('whatever is written is translated to what JavaScript takes, or refused in words', () => {
  const piece = fc.constantFrom(
    ...'ab/.^$|()[]{}*+?\\-,0129:<>=!'.split(''),
    ...[
      '(?:',
      '(?i)',
      '(?>',
      '(?=',
      '[^',
      '[[:alpha:]]',
      '\\d',
      '\\S',
      '\\Q',
      '\\E',
      '{2}',
      '(?<n>',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, caseless) => {
      try {
        const { source } = fromPcre(pieces.join(''), caseless);
        assert.doesNotThrow(() => new RegExp(source), source);
      } catch (thrown) {
        assert.ok(thrown instanceof PatternError, String(thrown));
      }
    }),
    { numRuns: 2000 },
  );
});
