// Tables for the terminal. Pure.

import { formatValue, formatWithSpread } from './numbers.ts';
import type { Row, Summary, Verdict } from './summary.ts';

/** Lines of cells as a table: the first column to the left, the others to the right. */
export function alignColumns(lines: readonly (readonly string[])[]): string {
  const columns = Math.max(...lines.map((cells) => cells.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...lines.map((cells) => (cells[i] ?? '').length)),
  );
  const pad = (cell: string, i: number): string =>
    i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return lines.map((cells) => `  ${cells.map(pad).join('   ')}`.trimEnd()).join('\n');
}

/** More columns than this would not fit into a line. */
const columnsBeside = 4;

/** One work: a line for each proxy, then its targets. */
export function formatSummary(summary: Summary): string {
  const { work, help, unit, rows, verdicts } = summary;
  const details = [...new Set(rows.flatMap((row) => Object.keys(row.details)))];
  const beside = details.length <= columnsBeside ? details : [];
  const heading = ['', unit, `x ${rows[0]?.proxy ?? ''}`, ...beside];
  const sound = rows.filter(({ failure }) => failure === null);
  const lines = sound.map((row) => [
    row.proxy + (row.errors === 0 ? '' : ` (${row.errors} ERRORS)`),
    formatWithSpread(row.value, row.values),
    formatWithSpread(row.ratio, row.ratios),
    ...beside.map((name) => formatValue(row.details[name])),
  ]);
  const failed = rows.flatMap(({ proxy, failure }) =>
    failure === null ? [] : [`  ${proxy} FAILED: ${failure}`],
  );
  return [
    `${work}: ${help}`,
    alignColumns([heading, ...lines]),
    ...(beside.length === 0 && details.length > 0 ? [formatDetails(details, sound)] : []),
    ...failed,
    ...verdicts.map((verdict) => `  ${markOf(verdict)} ${verdict.text}: ${reachedText(verdict)}`),
    '',
  ].join('\n');
}

// Where there are many further numbers: a line for each, a column for each proxy.
function formatDetails(details: readonly string[], rows: readonly Row[]): string {
  const lines = details.map((name) => [
    `  ${name}`,
    ...rows.map((row) => formatValue(row.details[name])),
  ]);
  return alignColumns([['', ...rows.map(({ proxy }) => proxy)], ...lines]);
}

/** ✔ met, ✖ missed, ? not measured. */
export function markOf({ met }: Verdict): string {
  return met === null ? '?' : met ? '✔' : '✖';
}

function reachedText({ met, reached }: Verdict): string {
  return met === null ? 'not measured' : formatValue(reached);
}

/** All targets in one table, for the end of a run. */
export function formatVerdicts(summaries: readonly Summary[]): string {
  const lines = summaries.flatMap(({ work, verdicts }) =>
    verdicts.map((verdict) => [`${markOf(verdict)} ${work}`, verdict.text, reachedText(verdict)]),
  );
  return lines.length === 0 ? '' : `${alignColumns([['target', '', 'reached'], ...lines])}\n`;
}
