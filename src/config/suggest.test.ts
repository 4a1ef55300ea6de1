import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearestName } from './suggest.ts';

test('the distance counts insertions, removals, replacements and swaps', () => {
  assert.equal(editDistance('proxy_pas', 'proxy_pass'), 1);
  assert.equal(editDistance('lisetn', 'listen'), 1);
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('abc', ''), 3);
});

test('the nearest name is found, whatever its case', () => {
  const known = ['proxy_pass', 'proxy_bind', 'listen'];
  assert.equal(nearestName('proxy-pass', known), 'proxy_pass');
  assert.equal(nearestName('Listen', known), 'listen');
});

test('a name that is far from all gives no suggestion', () => {
  assert.equal(nearestName('lua_code', ['proxy_pass', 'listen']), null);
  assert.equal(nearestName('ab', ['xy']), null);
});
