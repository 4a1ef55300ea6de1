import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hexEscape, jsonEscape, percentEscape } from './character-escape.ts';

test('bytes are written with two digits in capitals', () => {
  assert.equal(percentEscape('\n'), '%0A');
  assert.equal(percentEscape('\xff'), '%FF');
  assert.equal(hexEscape('\x1b'), '\\x1B');
  assert.equal(hexEscape('\0'), '\\x00');
});

test('every character of JSON strings is read back by JSON.parse', () => {
  for (let code = 0; code < 0x300; code += 1) {
    const character = String.fromCharCode(code);
    assert.equal(JSON.parse(`"${jsonEscape(character)}"`), character);
  }
  assert.equal(jsonEscape('"'), '\\"');
  assert.equal(jsonEscape('\x1f'), '\\u001F');
});
