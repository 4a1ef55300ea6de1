// The documents say what the program does: reference pages are those of the rows, links lead
// somewhere, and what is written by hand names nothing that does not exist.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { referencePages } from '../scripts/reference/pages.ts';
import { serverParameters } from '../scripts/reference/server-parameters.ts';
import { directiveRows } from '../src/modules/index.ts';
import { foreignDirectives } from '../src/modules/nginx-directives.ts';
import { version } from '../src/index.ts';
import { repository } from './kit/source-tree.ts';

const written = globSync(['*.md', 'docs/**/*.md'], { cwd: repository }).sort();
const generated = await referencePages();

function read(path: string): string {
  const full = join(repository, path);
  return existsSync(full) ? readFileSync(full, 'utf8') : '';
}

for (const [path, expected] of generated) {
  test(`${path} is what the rows give (npm run docs)`, () => {
    assert.equal(read(path), expected);
  });
}

test('every directive has a help text, and every difference a reason', () => {
  const silent = directiveRows.filter(
    (row) => row.help === '' || row.differs === '' || row.withoutEffect === '',
  );
  assert.deepEqual(
    silent.map((row) => row.name),
    [],
  );
});

test('links between the documents lead to files', () => {
  const broken = written.flatMap((path) =>
    [...read(path).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(join(repository, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  assert.ok(written.includes('README.md'), 'the documents were found');
  assert.deepEqual(broken, []);
});

test('no document has a line of more than 100 columns', () => {
  const long = written.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) => (line.length > 100 ? [`${path}:${index + 1}`] : [])),
  );
  assert.deepEqual(long, []);
});

// Names such as `proxy_ssl_verify` in code spans and blocks.
test('the documents name no directive that does not exist', () => {
  const known = new Set([
    ...directiveRows.map((row) => row.name),
    ...foreignDirectives.keys(),
    ...serverParameters.map(({ name }) => name.slice(0, -1)),
  ]);
  const unknown = written
    .filter((path) => !generated.has(path))
    .flatMap((path) =>
      [...read(path).matchAll(/(?<![\w$/.])(?:proxy|ssl|client|keepalive|worker)_[a-z_]+\b/g)]
        .map(([name]) => name)
        .filter((name) => !known.has(name))
        .map((name) => `${path}: ${name}`),
    );
  assert.deepEqual(unknown, []);
});

test('the package, the program and the change log agree on the version', () => {
  const manifest = JSON.parse(read('package.json')) as { version: string };
  assert.equal(version, manifest.version);
  assert.match(read('CHANGELOG.md'), new RegExp(`^## ${version.replaceAll('.', '\\.')} `, 'm'));
});
