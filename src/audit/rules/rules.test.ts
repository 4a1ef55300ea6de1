// Every rule finds what its own examples say, and nothing in those that it says are fine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit } from '../audit.ts';
import { readTextSource } from '../sources.ts';
import { rules } from './index.ts';

for (const rule of rules) {
  test(`${rule.id} has examples of both kinds, a reference and advice`, () => {
    assert.ok(rule.cases.some(({ lines }) => lines.length > 0));
    assert.ok(rule.cases.some(({ lines }) => lines.length === 0));
    assert.ok(rule.references.length > 0);
    for (const text of [rule.title, rule.what, rule.why, rule.mend]) assert.notEqual(text, '');
    assert.match(rule.id, /^[a-z0-9]+([_-][a-z0-9]+)*$/);
  });
  for (const { title, configuration, lines, dialect } of rule.cases) {
    test(`${rule.id}: ${title}`, () => {
      const source = readTextSource(configuration, 'nginx.conf');
      assert.deepEqual(source.notes, []);
      const { findings } = audit(source, { dialect: dialect ?? 'nginx', rules: [rule] });
      assert.deepEqual(
        findings.map(({ node }) => node.at.line).sort((a, b) => a - b),
        lines,
      );
    });
  }
}

test('ids are unique', () => {
  assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length);
});
