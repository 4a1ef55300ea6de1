// The report as Markdown, for a comment on a pull request.

import path from 'node:path';
import type { AuditReport } from './audit.ts';
import type { Finding } from './model.ts';
import { hopCells, hopColumns } from './report-facts.ts';
import { adviceLines, probedHops, probeParagraph } from './report-probe.ts';

/** The report as Markdown text. */
export function markdownReport(report: AuditReport): string {
  const { hops, findings, notes } = report;
  const open = findings.filter(({ suppressed }) => suppressed === null);
  const ignored = findings.filter(({ suppressed }) => suppressed !== null);
  return [
    `# Audit of ${code(report.name)}`,
    '',
    hops.length === 0 ? 'No hops: nothing is passed on to other servers.' : hopTable(report),
    '',
    ...probeLines(report),
    `## Findings (${open.length})`,
    '',
    ...open.flatMap(findingLines),
    ...(ignored.length === 0 ? [] : ['## Ignored', '', ...ignored.map(ignoredLine), '']),
    ...(notes.length === 0
      ? []
      : ['## Not understood or not read', '', ...notes.map((note) => `- ${escape(note)}`), '']),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

function hopTable({ hops }: AuditReport): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(hopColumns),
    row(hopColumns.map(() => '---')),
    ...hops.map((hop) => row([placeOf(hop), ...hopCells(hop)].map(escape))),
  ].join('\n');
}

function probeLines(report: AuditReport): string[] {
  const lines = probedHops(report).flatMap((hop) =>
    hop.probe.flatMap((probe) => {
      const { title, facts, advice } = probeParagraph(probe);
      return [
        `### ${code(placeOf(hop))} ${escape(title)}`,
        '',
        ...facts.map(([name, text]) => `- ${escape(name)}: ${escape(text)}`),
        '',
        ...advice.flatMap((one) => [
          `${escape(one.title)}:`,
          '',
          fence(adviceLines(one.advice).join('\n')),
          '',
        ]),
      ];
    }),
  );
  return lines.length === 0 ? [] : ['## Probed servers', '', ...lines];
}

function findingLines(finding: Finding): string[] {
  const { severity, rule, message, sourceLine, fix } = finding;
  return [
    `### ${severity}: ${code(rule)}`,
    '',
    `${escape(message)}, at ${code(placeOf(finding))}:`,
    '',
    fence(sourceLine),
    '',
    ...(fix === undefined ? [] : ['Write:', '', fence(fix), '']),
  ];
}

function ignoredLine(finding: Finding): string {
  return `- ${code(finding.rule)} at ${code(placeOf(finding))}: ${escape(finding.suppressed ?? '')}`;
}

function placeOf({ node }: { readonly node: Finding['node'] }): string {
  return `${path.basename(node.at.file)}:${node.at.line}`;
}

// A fence longer than any run of backticks inside it.
function fence(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const mark = '`'.repeat(longest + 1);
  return `${mark}nginx\n${text}\n${mark}`;
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}

function escape(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|#]/g, (char) => `\\${char}`).replaceAll('\n', ' ');
}
