// docs/directives.md: every directive, from its row.

import type { Arity, DirectiveRow } from '../../src/config/row.ts';
import { item, page, paragraph, sentence } from './markdown.ts';
import type { Inline } from './markdown.ts';

/** The page of all directives, those without effect last. */
export function directivesPage(rows: readonly DirectiveRow[], inline: Inline): string {
  const applied = rows.filter((row) => row.withoutEffect === null);
  const without = rows.filter((row) => row.withoutEffect !== null);
  const intro =
    `${applied.length} directives are applied, ${without.length} more are accepted without ` +
    'effect, each for a reason given at the end. Any other one, those of nginx that are not ' +
    'implemented included, is refused with file, line and column: none is silently ignored.';
  return page([
    '# Directives',
    'Made from the rows in `src/modules/` by `npm run docs`; not to be edited.',
    paragraph(intro),
    ...sorted(applied).flatMap((row) => entry(row, heading(row, applied), inline)),
    '## Accepted without effect',
    sorted(without)
      .map((row) => item(`\`${row.name}\`: ${inline(sentence(row.withoutEffect ?? ''))}`))
      .join('\n'),
  ]);
}

function sorted(rows: readonly DirectiveRow[]): DirectiveRow[] {
  return [...rows].sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

/** A directive's name; with its context where several directives share it. */
export function heading(row: DirectiveRow, rows: readonly DirectiveRow[]): string {
  const isShared = rows.some((other) => other !== row && other.name === row.name);
  return isShared ? `\`${row.name}\` in ${row.contexts.join(', ')}` : `\`${row.name}\``;
}

function entry(row: DirectiveRow, title: string, inline: Inline): string[] {
  const facts = [
    item(`Value: ${inline(row.value.expects)} (${argumentCount(row.args)})`),
    ...(row.defaultText === null ? [] : [item(`Default: ${code(row.defaultText)}`)]),
    item(`Context: ${row.contexts.join(', ')}`),
    ...(row.repeats ? [item('May be given several times at one level.')] : []),
  ];
  const differs =
    row.differs === null ? [] : [paragraph(`**Unlike nginx:** ${inline(sentence(row.differs))}`)];
  return [`## ${title}`, facts.join('\n'), paragraph(inline(row.help)), ...differs];
}

function argumentCount({ min, max }: Arity): string {
  if (min === max) return min === 1 ? '1 argument' : `${min === 0 ? 'no' : min} arguments`;
  return max === Infinity ? `${min} or more arguments` : `${min} to ${max} arguments`;
}

// Several words of prose are not what one would write in a configuration.
function code(text: string): string {
  return /^the /.test(text) ? text : `\`${text}\``;
}
