// What the demo prints: one line for each request, why the refused ones were refused, and what to
// try next.

import { stripVTControlCharacters, styleText } from 'node:util';
import { version } from '../../index.ts';
import { cases } from './cases.ts';
import type { Outcome } from './self-check.ts';

/** Gives text a colour, or leaves it alone. */
export type Paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string;

/** Colours for a terminal whose user wants them (https://no-color.org). */
export function paintFor(stream: { readonly isTTY?: boolean }, noColor: string | undefined): Paint {
  const coloured = stream.isTTY === true && (noColor ?? '') === '';
  return (style, text) => (coloured ? styleText(style, text, { validateStream: false }) : text);
}

const head = ['request', 'served by', 'status', 'protocol', 'cipher', 'session', ''];

/** The table of all requests. */
export function table(outcomes: readonly Outcome[], paint: Paint): string {
  const rows = outcomes.map((outcome) => cells(outcome, paint));
  const lines = align([head.map((title) => paint('dim', title)), ...rows]);
  return lines.map((line) => `  ${line}`.trimEnd()).join('\n');
}

function cells({ wanted, status, facts, problem }: Outcome, paint: Paint): string[] {
  const fact = (name: string): string => facts.get(name) ?? '-';
  return [
    `${problem === null ? paint('green', '✔') : paint('red', '✖')} GET ${wanted.path}`,
    fact('served by'),
    String(status),
    fact('protocol'),
    fact('cipher'),
    fact('session'),
    problem === null ? meaning(wanted, paint) : paint('red', problem),
  ];
}

function meaning(wanted: Outcome['wanted'], paint: Paint): string {
  if (wanted.code !== null) return paint('bold', `refused: ${wanted.meaning}`);
  return paint(wanted.meaning === 'verified' ? 'green' : 'yellow', wanted.meaning);
}

function align(rows: readonly (readonly string[])[]): string[] {
  const width = (text: string): number => stripVTControlCharacters(text).length;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  return rows.map((row) =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  '),
  );
}

/** Why each refused request was refused, as the error log has it. */
export function reasons(outcomes: readonly Outcome[], paint: Paint): string {
  return outcomes
    .flatMap(({ wanted, reason }) => {
      if (reason === null || wanted.code === null) return [];
      const [what = '', ...details] = reason.split('; ');
      const lines = [what, ...details].map((line) => `      ${line}`);
      return [`  GET ${wanted.path}  ${paint('red', wanted.code)}`, ...lines, ''];
    })
    .join('\n');
}

/** The first lines. */
export function title(folder: string, paint: Paint): string {
  return [
    '',
    `  ${paint('bold', `Sallyport ${version}`)}: every hop to an upstream server is verified`,
    '',
    `  configuration  ${folder}/nginx.conf`,
    `  error log      ${folder}/error.log`,
    `  access log     ${folder}/access.log`,
    '',
  ].join('\n');
}

/** What a user can do while the demo runs. */
export function invitation(port: number, paint: Paint): string {
  const paths = [...new Set(cases.map(({ path }) => path))];
  return [
    `  ${paint('bold', 'Try it')}`,
    ...paths.map((path) => `    curl -i http://127.0.0.1:${port}${path}`),
    '',
    '  Ctrl-C ends it; nothing is left behind. Your own configuration: npm start -- -c FILE',
    '',
  ].join('\n');
}
