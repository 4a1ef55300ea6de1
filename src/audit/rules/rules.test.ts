// Every rule finds what its own examples say, and nothing in those that it says are fine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit } from '../audit.ts';
import { readTextSource } from '../sources.ts';
import { rules } from './index.ts';

function orNull<T, R>(value: T | undefined, then: (value: T) => R): R | null {
  return value === undefined ? null : then(value);
}

for (const rule of rules) {
  test(`${rule.id} has examples of both kinds, a reference and advice`, () => {
    assert.ok(rule.cases.filter(({ lines }) => lines.length > 0).length >= 2);
    assert.ok(rule.cases.filter(({ lines }) => lines.length === 0).length >= 2);
    assert.ok(rule.references.length > 0);
    for (const text of [rule.title, rule.what, rule.why, rule.mend]) assert.notEqual(text, '');
    assert.match(rule.id, /^[a-z0-9]+([_-][a-z0-9]+)*$/);
  });
  for (const { title, configuration, lines, dialect, files = {}, nginxVersion } of rule.cases) {
    test(`${rule.id}: ${title}`, () => {
      const source = readTextSource(configuration, 'nginx.conf');
      assert.deepEqual(source.notes, []);
      const { findings } = audit(source, {
        dialect: dialect ?? 'nginx',
        rules: [rule],
        ...(nginxVersion === undefined ? {} : { nginxVersion }),
        disk: {
          read: (path) => orNull(files[path], ({ text }) => Buffer.from(text)),
          mode: (path) => orNull(files[path], ({ mode = 0o600 }) => mode),
        },
      });
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
