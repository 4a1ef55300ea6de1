// Statements for every directive row: right ones (its example) and wrong ones (too few arguments, too
// many, a wrong context, a second one, nonsense), each in a whole configuration on a line of its own.

import type { Context, DirectiveRow } from '../../src/config/row.ts';
import { directiveRows } from '../../src/modules/index.ts';
import { foreignDirectives } from '../../src/modules/nginx-directives.ts';

/** What is wrong with a statement. */
export type Mistake =
  | 'too few arguments'
  | 'too many arguments'
  | 'wrong context'
  | 'duplicate'
  | 'nonsense'
  | 'no block'
  | 'a block';

export interface DirectiveCase {
  readonly row: DirectiveRow;
  readonly mistake: Mistake;
  readonly context: Context;
  readonly statement: string;
}

/** The line on which a statement begins in `configurationWith`. */
export const statementLine = 2;

/** The innermost first. */
const contexts: readonly Context[] = [
  ...(['limit_except', 'if-in-location', 'location', 'if-in-server', 'server'] as const),
  ...(['upstream', 'http', 'events', 'main'] as const),
];

// The line breaks keep the statement on its line in every context.
const around: Readonly<Record<Context, readonly [before: string, after: string]>> = {
  main: ['', ''],
  events: ['events {', '}'],
  http: ['events {} http {', '}'],
  upstream: ['events {} http { upstream example {', ' server 127.0.0.1:1; }}'],
  server: ['events {} http { server { listen 127.0.0.1:12998;', '}}'],
  location: ['events {} http { server { listen 127.0.0.1:12998; location / {', '}}}'],
  'if-in-server': ['events {} http { server { listen 127.0.0.1:12998; if ($host) {', '}}}'],
  'if-in-location': [
    'events {} http { server { listen 127.0.0.1:12998; location / { if ($host) {',
    '}}}}',
  ],
  limit_except: [
    'events {} http { server { listen 127.0.0.1:12998; location / { limit_except GET {',
    '}}}}',
  ],
};

/** A whole configuration in which a statement stands in a context. */
export function configurationWith(statement: string, context: Context): string {
  const [before, after] = around[context];
  // The main context has its own events, unless they are what is tried.
  const events = context !== 'main' || /^events\b/.test(statement) ? '' : '\nevents {}';
  return `${before}\n${statement}\n${after}${events}\n`;
}

/** The innermost context of a row, for its example. */
export function homeOf(row: DirectiveRow): Context {
  const order: readonly Context[] = ['location', 'server', 'upstream', 'http', 'events', 'main'];
  const home = [...order, ...contexts].find((context) => row.contexts.includes(context));
  if (home === undefined) throw new Error(`"${row.name}" may stand nowhere`);
  return home;
}

/** Every mistake that can be made with a row. */
export function mistakesWith(row: DirectiveRow): DirectiveCase[] {
  const home = homeOf(row);
  const { min, max } = row.args;
  const at = (mistake: Mistake, statement: string, context = home): DirectiveCase => ({
    row,
    mistake,
    context,
    statement,
  });
  const found: DirectiveCase[] = [];
  if (min > 0) found.push(at('too few arguments', written(row, min - 1)));
  if (max !== Infinity) found.push(at('too many arguments', written(row, max + 1)));
  for (const context of contexts.filter((one) => !mayStand(row.name, one)).slice(0, 1)) {
    found.push(at('wrong context', written(row, min), context));
  }
  found.push(
    isBlock(row) ? at('no block', `${words(row, min)};`) : at('a block', `${words(row, min)} { }`),
  );
  if (min > 0 && row.kind !== 'raw' && row.opens === null) {
    found.push(at('nonsense', written(row, min)));
  }
  if (!row.repeats && row.example !== null) {
    const example = statementOf(row);
    if (example !== null) found.push(at('duplicate', `${example} ${example}`));
  }
  return found;
}

/** What of a row's example is the directive itself, on one line; null where there is nothing. */
export function statementOf(row: DirectiveRow): string | null {
  const text = row.example?.replaceAll('\n', ' ') ?? '';
  const start = text.search(new RegExp(`(^|\\s)${row.name}[\\s;]`));
  if (start === -1) return null;
  const from = text.slice(start).trimStart();
  return isBlock(row) ? from : from.slice(0, endOf(from));
}

// The ";" that is not inside of quotes.
function endOf(text: string): number {
  let quote = '';
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === ';') return i + 1;
  }
  return text.length;
}

function mayStand(name: string, context: Context): boolean {
  const rows = directiveRows.filter((row) => row.name === name);
  if (rows.some((row) => row.contexts.includes(context))) return true;
  const foreign = foreignDirectives.get(name) ?? [];
  return foreign.some((one) => one.contexts.includes(context));
}

function isBlock(row: DirectiveRow): boolean {
  return row.kind === 'block' || row.kind === 'raw';
}

function words(row: DirectiveRow, count: number): string {
  return [row.name, ...Array.from({ length: count }, () => '~nonsense~')].join(' ');
}

function written(row: DirectiveRow, count: number): string {
  return words(row, count) + (isBlock(row) ? ' { }' : ';');
}
