// docs/framing-responses.md is what the tables of responses give, and no form is in them twice.
// `SALLYPORT_WRITE_PAGE=1` writes it anew.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { format, type Options } from 'prettier';
import { repository } from '../kit/source-tree.ts';
import { responsesPage } from './kit/response-page.ts';

const path = join(repository, 'docs/framing-responses.md');
const options = JSON.parse(readFileSync(join(repository, '.prettierrc.json'), 'utf8')) as Options;
const page = await format(responsesPage(), { ...options, parser: 'markdown' });

test('the page is what the tables give', () => {
  if (process.env['SALLYPORT_WRITE_PAGE'] === '1') writeFileSync(path, page);
  assert.equal(existsSync(path) ? readFileSync(path, 'utf8') : '', page);
});

test('no table has a form twice', () => {
  let count = 0;
  for (const section of page.split('\n## ')) {
    const names = [...section.matchAll(/^\| (?!form |-)(.+?) +\|/gm)].map(([, name = '']) => name);
    assert.equal(new Set(names).size, names.length, section.slice(0, 40));
    count += names.length;
  }
  assert.ok(count > 300, `${count} forms`);
});
