// The result table of a document, and the place between two markers that it is put into. Pure.

import type { MachineFacts } from '../machine.ts';
import { formatValue, formatWithSpread } from './numbers.ts';
import type { Row, Summary } from './summary.ts';
import { markOf } from './text.ts';

/** Puts a text between `<!-- begin NAME -->` and `<!-- end NAME -->`; throws where they are not. */
export function replaceBetween(document: string, name: string, text: string): string {
  const begin = `<!-- begin ${name} -->`;
  const end = `<!-- end ${name} -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`no "${begin}" before "${end}"`);
  return `${document.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${document.slice(to)}`;
}

const [reference, own] = ['nginx', 'sallyport'];
const columns = 100;

/** What a run found, as Markdown: three tables that keep within the width of the documents. */
export function resultSection(
  summaries: readonly Summary[],
  machine: MachineFacts,
  how: string,
): string {
  const list = summaries.map(({ work, help }) => wrap(`- \`${work}\`: ${help}`, '  '));
  const verdicts = summaries.flatMap(({ work, verdicts: all }) =>
    all.map((verdict) => [markOf(verdict), work, verdict.text, formatValue(verdict.reached)]),
  );
  const others = othersTable(summaries);
  return [
    wrap(`${machineText(machine)} ${how}`),
    ownTable(summaries),
    ...(others === null
      ? []
      : [wrap('What other proxies need, as a multiple of Sallyport:'), others]),
    ...(verdicts.length === 0
      ? []
      : [wrap('Targets:'), markdownTable([['', 'work', 'target', 'reached'], ...verdicts])]),
    wrap('The works:'),
    list.join('\n'),
  ].join('\n\n');
}

function find({ rows }: Summary, proxy: string): Row | undefined {
  return rows.find((row) => row.proxy === proxy && row.failure === null && row.errors === 0);
}

function ownTable(summaries: readonly Summary[]): string {
  const lines = summaries.map((summary) => {
    const mine = find(summary, own ?? '');
    return [
      summary.work,
      summary.unit,
      formatValue(find(summary, reference ?? '')?.value),
      formatValue(mine?.value),
      formatWithSpread(mine?.ratio ?? null, mine?.ratios ?? null),
    ];
  });
  return markdownTable([['work', 'unit', 'nginx', 'Sallyport', 'x nginx'], ...lines]);
}

// Null where no other proxy was measured.
function othersTable(summaries: readonly Summary[]): string | null {
  const proxies = [...new Set(summaries.flatMap(({ rows }) => rows.map(({ proxy }) => proxy)))];
  const others = proxies.filter((proxy) => proxy !== reference && proxy !== own);
  if (others.length === 0) return null;
  const measured = summaries.filter((summary) => others.some((proxy) => find(summary, proxy)));
  const lines = measured.map((summary) => {
    const mine = find(summary, own ?? '')?.value ?? NaN;
    const ratio = (proxy: string): number => (find(summary, proxy)?.value ?? NaN) / mine;
    return [summary.work, ...others.map((proxy) => formatValue(ratio(proxy)))];
  });
  return markdownTable([['work', ...others], ...lines]);
}

function wrap(words: string, indent = ''): string {
  const lines = [''];
  for (const word of words.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + word.length < columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(indent + word);
  }
  return lines.join('\n');
}

/** Cells as a Markdown table; the first line is the heading. */
export function markdownTable(lines: readonly (readonly string[])[]): string {
  const [heading = [], ...rows] = lines;
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n');
}

function machineText({ processor, cores, kernel, memoryGb, versions }: MachineFacts): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `Measured on ${cores} cores of ${processor}, ${memoryGb} GB, Linux ${kernel}; ${names.join(', ')}.`;
}
