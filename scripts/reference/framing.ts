// docs/framing.md: what is done with each form of request, from the rows that the tests send.

import { outcomeOf } from '../../test/hostile/kit/request-form.ts';
import type { FormTable, RequestForm } from '../../test/hostile/kit/request-form.ts';
import { requestTables } from '../../test/hostile/requests/all.ts';
import { nginxOutcomes } from '../../test/hostile/requests/nginx-outcomes.ts';
import { item, page, paragraph } from './markdown.ts';
import type { Inline } from './markdown.ts';

const intro = [
  'A proxy stands between two readers. Whatever they could read differently may carry a second ' +
    'request past the rules, so it is refused: with this status, the end of the connection, and ' +
    'no byte of it, or of what came behind it, towards an upstream server. What is accepted goes ' +
    'on as one request that this proxy has written from what it understood: request line, Host, ' +
    'framing and field lines anew, never bytes that were copied.',
  'Each line is a form, what becomes of it, and the paragraphs that ask for it: numbers of RFC ' +
    'and section. Where nginx 1.22 does something else that is said; "passed" is what goes ' +
    'upstream. `npm run test:hostile` sends every one of them, in all its spellings, as the first ' +
    'request of a connection and behind another, whole and in pieces, over TCP and over TLS, ' +
    'and looks at each byte that the upstream gets. The reasons are in ' +
    '[0006](decisions/0006-strict-http1.md).',
];

/** The page of all forms of requests. */
export function framingPage(inline: Inline): string {
  return page([
    '# Requests: what is refused, what goes on',
    'Made from the rows in `test/hostile/requests/` by `npm run docs`; not to be edited.',
    ...intro.map((text) => paragraph(text)),
    ...requestTables.flatMap((table) => section(table, inline)),
  ]);
}

function section(table: FormTable, inline: Inline): string[] {
  const parts = [`## ${table.title}`, paragraph(inline(table.intro))];
  const refused = table.forms.filter((form) => 'status' in form);
  const passed = table.forms.filter((form) => !('status' in form));
  if (refused.length > 0) parts.push('Refused:', list(table, refused, inline));
  if (passed.length > 0) parts.push('Passed on:', list(table, passed, inline));
  return parts;
}

function list(table: FormTable, forms: readonly RequestForm[], inline: Inline): string {
  return forms.map((form) => item(line(table, form, inline))).join('\n');
}

function line(table: FormTable, form: RequestForm, inline: Inline): string {
  const status = 'status' in form ? `: **${outcomeOf(form)}**` : '';
  const theirs = nginxOutcomes[`${table.title}: ${form.name}`];
  const nginx = theirs === undefined ? '' : `; nginx: ${theirs}`;
  const note = form.note === undefined ? '' : `: ${inline(form.note)}`;
  return `${inline(form.name)}${status} (${form.rfc})${note}${nginx}`;
}
