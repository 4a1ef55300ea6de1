// docs/directives.md: every directive, from its row.

import type { Arity, DirectiveRow } from '../../src/config/row.ts';
import { codeBlock, item, page, paragraph, sentence } from './markdown.ts';
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

/** By name. */
export function sorted(rows: readonly DirectiveRow[]): DirectiveRow[] {
  return [...rows].sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

/** A directive's name; with its context where several directives share it. */
export function heading(row: DirectiveRow, rows: readonly DirectiveRow[]): string {
  const isShared = rows.some((other) => other !== row && other.name === row.name);
  return isShared ? `\`${row.name}\` in ${row.contexts.join(', ')}` : `\`${row.name}\``;
}

/** What the row of one directive says, as blocks under a heading. */
export function directiveFacts(row: DirectiveRow, inline: Inline): string[] {
  const facts = [
    item(`Value: ${inline(row.value.expects)} (${argumentCount(row.args)})`),
    ...(row.defaultText === null ? [] : [item(`Default: ${code(row.defaultText)}`)]),
    item(`Context: ${row.contexts.join(', ')}`),
    ...(row.repeats ? [item('May be given several times at one level.')] : []),
  ];
  const differs =
    row.differs === null ? [] : [paragraph(`**Unlike nginx:** ${inline(sentence(row.differs))}`)];
  const example = row.example === null ? [] : [codeBlock('nginx', broken(row.example))];
  return [facts.join('\n'), paragraph(inline(row.help)), ...differs, ...example];
}

function entry(row: DirectiveRow, title: string, inline: Inline): string[] {
  return [`## ${title}`, ...directiveFacts(row, inline)];
}

// Long values, such as pins, one below the other.
function broken(example: string): string {
  return example
    .split('\n')
    .map((line) => (line.length <= exampleWidth ? line : line.replaceAll(' ', '\n    ')))
    .join('\n');
}

const exampleWidth = 90;

function argumentCount({ min, max }: Arity): string {
  if (min === max) return min === 1 ? '1 argument' : `${min === 0 ? 'no' : min} arguments`;
  return max === Infinity ? `${min} or more arguments` : `${min} to ${max} arguments`;
}

// Several words of prose are not what one would write in a configuration.
function code(text: string): string {
  return /^the /.test(text) ? text : `\`${text}\``;
}
