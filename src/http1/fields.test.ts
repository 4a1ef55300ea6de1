import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FieldId } from './field-id.ts';
import { Fields } from './fields.ts';

function sample(): Fields {
  const fields = new Fields();
  fields.add('Set-Cookie', 'a=1');
  fields.add('X-Request-ID', 'one');
  fields.add('set-cookie', 'b=2');
  fields.add('x-request-id', 'two');
  return fields;
}

test('field lines keep order, spelling and values', () => {
  const fields = sample();
  assert.deepEqual(fields.names, ['Set-Cookie', 'X-Request-ID', 'set-cookie', 'x-request-id']);
  assert.deepEqual(fields.values, ['a=1', 'one', 'b=2', 'two']);
  assert.deepEqual(fields.ids, [FieldId.setCookie, 0, FieldId.setCookie, 0]);
});

test('the first value is found by id and by lower-case name', () => {
  const fields = sample();
  assert.equal(fields.first(FieldId.setCookie), 'a=1');
  assert.equal(fields.first(FieldId.host), null);
  assert.equal(fields.get('set-cookie'), 'a=1');
  assert.equal(fields.get('x-request-id'), 'one');
  assert.equal(fields.get('x-request-ie'), null);
  assert.equal(fields.get('x-request'), null);
});

test('all values of a field come in order', () => {
  const fields = sample();
  assert.deepEqual(fields.all('set-cookie'), ['a=1', 'b=2']);
  assert.deepEqual(fields.all('x-request-id'), ['one', 'two']);
  assert.deepEqual(fields.all('host'), []);
});

test('clear and truncate shorten all three arrays', () => {
  const fields = sample();
  fields.truncate(9);
  assert.equal(fields.names.length, 4);
  fields.truncate(1);
  assert.deepEqual([fields.names.length, fields.values.length, fields.ids.length], [1, 1, 1]);
  fields.clear();
  assert.deepEqual([fields.names.length, fields.values.length, fields.ids.length], [0, 0, 0]);
});
