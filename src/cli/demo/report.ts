// What the demo prints: one line for each request, why those that were refused were refused, and
// what to try next.

import { stripVTControlCharacters, styleText } from 'node:util';
import { version } from '../../index.ts';
import { cases } from './cases.ts';
import type { Outcome } from './self-check.ts';

const columns = 96;

/** Gives text a colour, or leaves it alone. */
export type Paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string;

/** Colours for a terminal whose user wants them (https://no-color.org). */
export function paintFor(stream: { readonly isTTY?: boolean }, noColor: string | undefined): Paint {
  const coloured = stream.isTTY === true && (noColor ?? '') === '';
  return (style, text) => (coloured ? styleText(style, text, { validateStream: false }) : text);
}

const head = ['request', 'served by', 'status', 'protocol', 'cipher', 'session', 'upstream'];

/** The table of all requests. */
export function table(outcomes: readonly Outcome[], paint: Paint): string {
  const rows = outcomes.map((outcome) => cells(outcome, paint));
  const lines = align([head.map((name) => paint('dim', name)), ...rows]);
  return lines.map((line) => `  ${line}`.trimEnd()).join('\n');
}

function cells({ wanted, status, facts, problem }: Outcome, paint: Paint): string[] {
  const fact = (name: string): string => facts.get(name) ?? '-';
  return [
    `GET ${wanted.path}`,
    fact('served by'),
    String(status),
    fact('protocol'),
    fact('cipher'),
    fact('session'),
    problem === null
      ? paint(colours[wanted.verdict], wanted.verdict)
      : paint('red', `✖ ${problem}`),
  ];
}

const colours = { verified: 'green', refused: 'bold', 'not verified': 'yellow' } as const;

function align(rows: readonly (readonly string[])[]): string[] {
  const width = (text: string): number => stripVTControlCharacters(text).length;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  return rows.map((row) =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  '),
  );
}

/** What each request showed, with the reason that the error log gives. */
export function explanations(outcomes: readonly Outcome[], paint: Paint): string {
  return outcomes
    .flatMap(({ wanted, logged }) => {
      if (wanted.meaning === null) return [];
      const first = `${paint(colours[wanted.verdict], wanted.verdict)}: ${wanted.meaning}`;
      const code = wanted.code === null ? [] : [paint('red', wanted.code)];
      const lines = [...code, ...parts(logged ?? '')].map((line) => wrapped(line));
      return [`  GET ${wanted.path}  ${first}`, ...lines, ''];
    })
    .join('\n');
}

const shownParts = /^(upstream SSL|wanted|presented|issuer|to mend)/;

// The message with one of its parts in each line, without those that only the log needs.
function parts(message: string): string[] {
  const mend = message.indexOf('to mend this: ');
  if (mend === -1) return [message];
  const facts = message.slice(0, mend).split('; ');
  return [...facts, message.slice(mend)].filter((part) => shownParts.test(part));
}

function wrapped(text: string): string {
  const lines: string[] = [];
  let line = '     ';
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '       ';
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}

/** The first lines. */
export function title(folder: string, paint: Paint): string {
  return [
    '',
    `  ${paint('bold', `Sallyport ${version}`)}: two servers behind a proxy, and an impostor`,
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
