import assert from 'node:assert/strict';
import { test } from 'node:test';

import { canonicalNames, FieldId, fieldIdAt, fieldIdCount, fieldIdOf } from './field-id.ts';

test('every id has a name and every name finds its id, in any case', () => {
  assert.equal(fieldIdCount, Object.keys(FieldId).length);
  for (const [key, id] of Object.entries(FieldId)) {
    if (id === FieldId.other) continue;
    const name = canonicalNames[id] ?? '';
    assert.equal(name.replaceAll('-', '').toLowerCase(), key.toLowerCase());
    assert.equal(fieldIdOf(name), id);
    assert.equal(fieldIdOf(name.toLowerCase()), id);
    assert.equal(fieldIdOf(name.toUpperCase()), id);
  }
});

test('names that are not known have id 0', () => {
  const names = ['', 'x', 'hosts', 'hos', 'X-Request-Id', 'tf', 'a'.repeat(19), 'a'.repeat(300)];
  for (const name of names) assert.equal(fieldIdOf(name), 0, name);
});

test('a name that differs from a known one in bit 0x20 of anything but a letter is not it', () => {
  assert.equal(fieldIdOf('content\rlength'), 0);
  assert.equal(fieldIdOf('http\u0012-settings'), 0);
  assert.equal(fieldIdOf('hos\u0174'), 0);
  assert.equal(fieldIdOf('\u0148ost'), 0);
});

test('a name with one character changed is not a known name', () => {
  for (const name of canonicalNames.slice(1)) {
    for (let i = 0; i < name.length; i += 1) {
      const other = `${name.slice(0, i)}q${name.slice(i + 1)}`;
      assert.equal(fieldIdOf(other), 0, other);
      const bytes = Buffer.from(other, 'latin1');
      assert.equal(fieldIdAt(bytes, 0, bytes.length), 0, other);
    }
  }
});

test('bytes tell the usual spelling from another', () => {
  const bytes = Buffer.from('..Host: HOST: host', 'latin1');
  assert.equal(fieldIdAt(bytes, 2, 6), FieldId.host);
  assert.equal(fieldIdAt(bytes, 8, 12), -FieldId.host);
  assert.equal(fieldIdAt(bytes, 14, 18), -FieldId.host);
});
