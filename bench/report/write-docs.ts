// `--write-docs`: puts the result of a run into docs/performance.md and draws its charts.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { MachineFacts } from '../machine.ts';
import { home } from '../peers/sallyport.ts';
import { drawChart } from './chart.ts';
import type { Chart } from './chart.ts';
import { replaceBetween, resultSection } from './markdown.ts';
import type { Summary } from './summary.ts';

const page = join(home, 'docs', 'performance.md');

interface ChartRow {
  readonly file: string;
  readonly title: string;
  readonly works: readonly string[];
}

const charts: readonly ChartRow[] = [
  { file: 'performance-small.svg', title: 'Small answers', works: ['plain-small', 'tls-small'] },
  {
    file: 'performance-bodies.svg',
    title: 'Larger bodies',
    works: ['tls-16k', 'tls-1m', 'plain-upload-64k'],
  },
  {
    file: 'performance-handshakes.svg',
    title: 'TLS handshakes',
    works: ['tls-handshake', 'upstream-handshake'],
  },
];

/** Writes the page and those charts that the run has numbers for; gives the files written. */
export async function writeDocs(
  summaries: readonly Summary[],
  machine: MachineFacts,
  how: string,
): Promise<string[]> {
  const written: string[] = [];
  const images: string[] = [];
  for (const row of charts) {
    const chart = chartOf(row, summaries);
    if (chart === null) continue;
    const file = join(home, 'docs', row.file);
    writeFileSync(file, drawChart(chart));
    written.push(file);
    images.push(`![${chart.title}: ${chart.unit}](${row.file})`);
  }
  const section = `${resultSection(summaries, machine, how)}\n\n${images.join('\n\n')}`;
  await writeSection('results', section);
  return [...written, page];
}

/** Puts a section of the page between its markers. */
export async function writeSection(name: string, section: string): Promise<void> {
  const text = replaceBetween(readFileSync(page, 'utf8'), name, section);
  const style = (await resolveConfig(page)) ?? {};
  writeFileSync(page, await format(text, { ...style, filepath: page }));
}

function chartOf({ title, works }: ChartRow, summaries: readonly Summary[]): Chart | null {
  const measured = summaries.filter(({ work }) => works.includes(work));
  const groups = measured.flatMap((summary) => {
    const sound = summary.rows.filter(({ failure, errors }) => failure === null && errors === 0);
    if (sound.length === 0) return [];
    const bars = sound.map(({ proxy, value }) => {
      return { label: proxy, value, isOwn: proxy === 'sallyport' };
    });
    return [{ title: summary.help, bars }];
  });
  const [first] = measured;
  if (first === undefined || groups.length === 0) return null;
  return { title, unit: first.unit, groups };
}
