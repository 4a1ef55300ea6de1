// docs/variables.md: every variable, from its row.

import type { VariableRow } from '../../src/exchange/variable.ts';
import { item, page, paragraph } from './markdown.ts';
import type { Inline } from './markdown.ts';

/** The page of all variables. */
export function variablesPage(rows: readonly VariableRow[], inline: Inline): string {
  const sorted = [...rows].sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  const intro =
    'A variable without a value is empty in a text and "-" in a log. `$1`, `$2` … are the ' +
    'captures of the last regular expression that matched; a named capture is a variable of its ' +
    'own name. NAME stands for any name.';
  return page([
    '# Variables',
    'Made from the rows in `src/modules/` by `npm run docs`; not to be edited.',
    paragraph(intro),
    variableList(sorted, inline),
  ]);
}

/** Variables in the order given, each with its help. */
export function variableList(rows: readonly VariableRow[], inline: Inline): string {
  return rows.map((row) => item(`\`${title(row)}\`: ${inline(row.help)}`)).join('\n');
}

function title(row: VariableRow): string {
  return row.family ? `$${row.name}NAME` : `$${row.name}`;
}
