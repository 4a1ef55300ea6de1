// This project's codec beside llhttp, the parser of Node.js: random messages, valid and spoilt. Both
// must judge and understand them alike, or a row of kit/llhttp-differences.ts says why not.
// `npm run test:differential` does the same with any number.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { llhttpDifferences } from './kit/llhttp-differences.ts';
import { compareWithLlhttp, differenceOf } from './kit/llhttp-pairs.ts';

const count = 6000;

test('random messages mean what llhttp says that they mean', () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
  const { accepted } = compareWithLlhttp({ seed, count });
  assert.ok(accepted > count / 10, `seed ${seed}: only ${accepted} were accepted`);
});

for (const row of llhttpDifferences) {
  test(`listed as a difference: ${row.kind}, ${row.name}`, () => {
    const side = row.example.replace(/^[\r\n]+/, '').startsWith('HTTP') ? 'response' : 'request';
    const bytes = Buffer.from(row.example, 'latin1');
    const found = differenceOf({ side, method: 'GET', bytes });
    assert.equal(found?.kind, row.kind);
    assert.ok(row.side === 'both' || row.side === side);
    assert.equal(found?.row?.name, row.name);
  });
}

test('what both understand alike is no difference', () => {
  const bytes = Buffer.from('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxyGET');
  assert.equal(differenceOf({ side: 'request', method: 'GET', bytes }), null);
});
