// All reference pages, as they should be in `docs/`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import type { Options } from 'prettier';
import { directiveRows, variableRows } from '../../src/modules/index.ts';
import { foreignDirectives } from '../../src/modules/nginx-directives.ts';
import { auditPages } from './audit-rules.ts';
import { differencesPage } from './differences.ts';
import { directivesPage } from './directives.ts';
import { errorPages } from './error-pages.ts';
import { errorsPage } from './errors.ts';
import { framingPage } from './framing.ts';
import { inlineWith } from './markdown.ts';
import { serverParameters } from './server-parameters.ts';
import { tlsPage } from './tls.ts';
import { variablesPage } from './variables.ts';

/** The root of the repository. */
export const repository: string = join(import.meta.dirname, '..', '..');

/** Makes the pages; by their path relative to the repository. */
export async function referencePages(): Promise<Map<string, string>> {
  const inline = inlineWith(
    new Set([
      ...directiveRows.map((row) => row.name),
      ...variableRows.map((row) => `$${row.name}`),
      ...serverParameters.map(({ name }) => name.slice(0, -1)),
    ]),
  );
  const drafts = {
    'docs/directives.md': directivesPage(directiveRows, inline),
    'docs/variables.md': variablesPage(variableRows, inline),
    'docs/errors.md': errorsPage(inline),
    'docs/framing.md': framingPage(inline),
    'docs/differences.md': differencesPage(directiveRows, inline),
    'docs/tls.md': tlsPage(
      { rows: directiveRows, variables: variableRows, foreign: foreignDirectives },
      inline,
    ),
    ...Object.fromEntries(errorPages(inline)),
    ...Object.fromEntries(auditPages(inline)),
  };
  const text = readFileSync(join(repository, '.prettierrc.json'), 'utf8');
  const options = JSON.parse(text) as Options;
  const pages = new Map<string, string>();
  for (const [path, draft] of Object.entries(drafts)) {
    pages.set(path, await format(draft, { ...options, parser: 'markdown' }));
  }
  return pages;
}
