// Strings in a body that comes in pieces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReplaceFilter, type Replacement } from './replace-filter.ts';

function run(
  pieces: readonly string[],
  replacements: readonly Replacement[],
  once: boolean,
): string {
  let text = '';
  let ended = false;
  const filter = new ReplaceFilter(replacements, once);
  filter.begin({
    write: (chunk) => (text += chunk.toString('latin1')),
    end: () => (ended = true),
    fail: assert.fail,
    ready: () => undefined,
  });
  for (const piece of pieces) filter.write(Buffer.from(piece, 'latin1'));
  filter.end();
  filter.close();
  assert.ok(ended);
  return text;
}

const cases: readonly (readonly [string, readonly Replacement[], boolean, string])[] = [
  ['one two one', [{ wanted: 'one', text: '1' }], false, '1 two 1'],
  ['one two one', [{ wanted: 'one', text: '1' }], true, '1 two one'],
  ['One ONE', [{ wanted: 'oNe', text: '1' }], false, '1 1'],
  ['aaa', [{ wanted: 'aa', text: 'b' }], false, 'ba'],
  [
    'abcd',
    [
      { wanted: 'cd', text: '2' },
      { wanted: 'abcx', text: '1' },
    ],
    false,
    'ab2',
  ],
  [
    'abcx',
    [
      { wanted: 'bc', text: '2' },
      { wanted: 'abcx', text: '1' },
    ],
    false,
    '1',
  ],
  [
    'ab',
    [
      { wanted: 'ab', text: '1' },
      { wanted: 'a', text: '2' },
    ],
    false,
    '1',
  ],
  [
    'ab',
    [
      { wanted: 'a', text: '2' },
      { wanted: 'ab', text: '1' },
    ],
    false,
    '2b',
  ],
  ['x', [{ wanted: 'xy', text: '1' }], false, 'x'],
  ['', [{ wanted: 'a', text: '1' }], false, ''],
  [
    'one two',
    [
      { wanted: 'one', text: '1' },
      { wanted: 'two', text: '2' },
    ],
    true,
    '1 2',
  ],
];

for (const [body, replacements, once, expected] of cases) {
  const what = replacements.map(({ wanted, text }) => `${wanted} by ${text}`).join(', ');
  test(`${JSON.stringify(body)} with ${what}${once ? ' once' : ''}, however it is cut`, () => {
    for (let cut = 0; cut <= body.length; cut += 1) {
      const pieces = [body.slice(0, cut), body.slice(cut)];
      assert.equal(run(pieces, replacements, once), expected);
    }
    assert.equal(run([...body], replacements, once), expected);
  });
}

test('pieces make no difference', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'A'), minLength: 1, maxLength: 3 });
  const pairs = fc.array(fc.record({ wanted: word, text: fc.constantFrom('', '1', '22') }), {
    minLength: 1,
    maxLength: 3,
  });
  const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'B'), maxLength: 4 }));
  fc.assert(
    fc.property(pieces, pairs, fc.boolean(), (parts, replacements, once) => {
      const whole = run([parts.join('')], replacements, once);
      assert.equal(run(parts, replacements, once), whole);
    }),
  );
});
