// The report for people: the table of hops, then the findings with their lines and what to write.

import path from 'node:path';
import { styleText } from 'node:util';
import type { AuditReport } from './audit.ts';
import { severities, type AuditSeverity, type Finding, type Hop, type Verdict } from './model.ts';
import { hopCells, hopColumns } from './report-facts.ts';
import {
  adviceLines,
  probedHops,
  probeParagraph,
  probeStyle,
  probeSummary,
} from './report-probe.ts';

/** How it is shown. */
export interface TextOptions {
  readonly colour: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;

const severityStyle: Readonly<Record<AuditSeverity, Style>> = {
  critical: ['bold', 'red'],
  high: 'red',
  medium: 'yellow',
  low: 'cyan',
  info: 'dim',
};

const verdictStyle: Readonly<Record<Verdict, Style>> = {
  open: 'red',
  unverified: 'red',
  weak: 'yellow',
  local: 'dim',
  verified: 'green',
};

/** The whole report. */
export function textReport(report: AuditReport, { colour, width }: TextOptions): string {
  const paint: Paint = (style, text) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const parts = [
    paint('bold', `Audit of ${report.name}`) + ` (${report.dialect}'s defaults)`,
    '',
    ...hopTable(report.hops, paint, width),
    '',
    ...probeLines(report, paint),
    ...findingLines(report.findings, paint),
    ...noteLines(report.notes, paint),
    summary(report, paint),
  ];
  return `${parts.join('\n')}\n`;
}

function hopTable(hops: readonly Hop[], paint: Paint, width: number): string[] {
  if (hops.length === 0) return ['No hops: nothing is passed on to other servers.'];
  const rows = hops.map((hop) => [placeText(hop), ...hopCells(hop)]);
  const widths = hopColumns.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  shrink(widths, width);
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => fit(cell, widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    paint('bold', line(hopColumns.map((title) => title))),
    ...rows.flatMap((row, i) => {
      const hop = hops[i];
      const text = line(row);
      if (hop === undefined) return [text];
      const probes = (hop.probe ?? []).map((one) =>
        paint(verdictStyle[probeStyle[one.verdict]], `  probed: ${probeSummary(one)}`),
      );
      return [paint(verdictStyle[hop.verdict], text), ...probes];
    }),
  ];
}

function probeLines(report: AuditReport, paint: Paint): string[] {
  return probedHops(report).flatMap((hop) =>
    (hop.probe ?? []).flatMap((probe) => {
      const { title, facts, advice } = probeParagraph(probe);
      return [
        `${paint('bold', placeText(hop))} ${paint(verdictStyle[probeStyle[probe.verdict]], title)}`,
        ...facts.map(([name, text]) => `  ${`${name}:`.padEnd(15)} ${text}`),
        ...advice.flatMap(({ title: head, advice: one }) => [
          `  ${head}:`,
          ...adviceLines(one).map((text) => `    ${paint('green', text)}`),
        ]),
        '',
      ];
    }),
  );
}

// The widest columns give way first, down to 12 columns each.
function shrink(widths: number[], available: number): void {
  const total = (): number => widths.reduce((sum, one) => sum + one + 2, -2);
  while (total() > available) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= 12) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function placeText({ node }: Hop): string {
  return `${path.basename(node.at.file)}:${node.at.line}`;
}

function findingLines(findings: readonly Finding[], paint: Paint): string[] {
  return findings
    .filter(({ suppressed }) => suppressed === null)
    .flatMap((finding) => {
      const { node, rule, severity, message, sourceLine, fix } = finding;
      const head = `${paint(severityStyle[severity], severity)} ${paint('bold', rule)}: ${message}`;
      return [
        head,
        `  ${node.at.file}:${node.at.line}:${node.at.column}`,
        `    ${paint('dim', sourceLine)}`,
        ...(fix === undefined
          ? []
          : ['  write:', ...fix.split('\n').map((line) => `    ${paint('green', line)}`)]),
        '',
      ];
    });
}

function noteLines(notes: readonly string[], paint: Paint): string[] {
  if (notes.length === 0) return [];
  return [paint('bold', 'Not understood or not read:'), ...notes.map((note) => `  ${note}`), ''];
}

function summary({ hops, findings }: AuditReport, paint: Paint): string {
  const counts = severities
    .map((severity) => ({
      severity,
      count: findings.filter((one) => one.severity === severity && one.suppressed === null).length,
    }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => paint(severityStyle[severity], `${count} ${severity}`));
  const unverified = hops.filter(
    ({ verdict }) => verdict === 'unverified' || verdict === 'open',
  ).length;
  const suppressed = findings.filter((one) => one.suppressed !== null);
  const lines = [
    `${hops.length} ${hops.length === 1 ? 'hop' : 'hops'}, ${unverified} of them open or not verified; ` +
      (counts.length === 0 ? 'no findings' : `findings: ${counts.join(', ')}`),
    ...suppressed.map(
      ({ rule, node, suppressed: reason }) =>
        `  ignored: ${rule} at ${path.basename(node.at.file)}:${node.at.line} (${reason ?? ''})`,
    ),
  ];
  return lines.join('\n');
}
