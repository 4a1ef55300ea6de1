// `npm run docs`: writes the reference pages from the rows.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referencePages, repository } from './reference/pages.ts';

for (const [path, text] of await referencePages()) {
  writeFileSync(join(repository, path), text);
  console.log(path);
}
