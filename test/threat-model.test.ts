// The threat model names the tests that show its claims, and each of them is there.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { repository } from './kit/source-tree.ts';

const text = readFileSync(path.join(repository, 'docs/threat-model.md'), 'utf8');

const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| attack |'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('every attack has something that stops it, and a test that is there', () => {
  assert.ok(rows.length > 30, 'the tables were found');
  for (const [, attack = '', stops = '', shown = '', ...rest] of rows) {
    assert.deepEqual(rest, [''], attack);
    // A row without these two names another test for the one above it.
    assert.equal(stops === '', attack === '', attack);
    const names = [...shown.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    assert.ok(names.length > 0, `${attack}: no test is named`);
    for (const name of names) {
      assert.ok(existsSync(path.join(repository, `test/${name}.test.ts`)), `${attack}: ${name}`);
    }
  }
});
