import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePasswords } from './password-file.ts';

test('lines are users and hashes; comments and what follows a hash are not', () => {
  const users = parsePasswords(
    '# no\na:hash\nb:hash:more\r\nc:hash\r\nnothing\n:x\n\nd:\na:second',
  );
  assert.deepEqual(
    [...users],
    [
      ['a', 'hash'],
      ['b', 'hash'],
      ['c', 'hash'],
      ['', 'x'],
      ['d', ''],
    ],
  );
});

test('no text makes it throw, and no name or hash holds a separator', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a:#\r\n ]*$/), (text) => {
      for (const [user, stored] of parsePasswords(text)) {
        assert.doesNotMatch(user, /[:\n]/);
        assert.doesNotMatch(stored, /[:\r\n]/);
      }
    }),
    { numRuns: 500 },
  );
});
