// `npm run docs`: writes the reference pages from the rows.

import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { referencePages, repository } from './reference/pages.ts';

const pages = await referencePages();
// Pages of codes and rules that are no more.
for (const path of globSync(['docs/errors/*.md', 'docs/rules/*.md'], { cwd: repository })) {
  if (!pages.has(path)) rmSync(join(repository, path));
}
for (const [path, text] of pages) {
  mkdirSync(dirname(join(repository, path)), { recursive: true });
  writeFileSync(join(repository, path), text);
  console.log(path);
}
