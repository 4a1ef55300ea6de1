// What the demo prints, for outcomes that are made up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cases } from './cases.ts';
import { explanations, paintFor, table } from './report.ts';
import type { Outcome } from './self-check.ts';

const plain = paintFor({}, undefined);
const refused = cases.find((row) => row.code !== null) ?? assert.fail('no request is refused');

function outcome(fields: Partial<Outcome>): Outcome {
  return { wanted: refused, status: 502, facts: new Map(), logged: null, problem: null, ...fields };
}

test('colours are for terminals whose user has not switched them off', () => {
  assert.equal(paintFor({ isTTY: true }, undefined)('red', 'x'), '\u001b[31mx\u001b[39m');
  assert.equal(paintFor({ isTTY: true }, '')('red', 'x'), '\u001b[31mx\u001b[39m');
  assert.equal(paintFor({ isTTY: true }, '1')('red', 'x'), 'x');
  assert.equal(plain('red', 'x'), 'x');
});

test('columns line up with and without colours', () => {
  const outcomes = [outcome({}), outcome({ facts: new Map([['cipher', 'A_LONG_CIPHER_NAME']]) })];
  const positions = table(outcomes, plain)
    .split('\n')
    .map((line) => line.search(/upstream|refused/));
  assert.equal(new Set(positions).size, 1);
  const coloured = table(outcomes, paintFor({ isTTY: true }, undefined));
  assert.equal(coloured.replaceAll(/\u001b\[\d+m/g, ''), table(outcomes, plain));
});

test('a request that did not go as it has to is marked with what is wrong', () => {
  assert.match(table([outcome({ problem: 'status 200 instead of 502' })], plain), /✖ status 200/);
});

test('an explanation shows the code and the way out, in lines that fit', () => {
  const advice = 'do this '.repeat(30).trim();
  const logged = `upstream SSL certificate verify error: no; sha256 00; to mend this: ${advice}; or that`;
  const text = explanations([outcome({ logged })], plain);
  assert.match(text, new RegExp(String(refused.code)));
  assert.match(text, /; or that/);
  assert.doesNotMatch(text, /sha256/);
  assert.ok(text.split('\n').every((line) => line.length <= 96));
});
