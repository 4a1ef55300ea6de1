// The report as SARIF 2.1.0, for code scanning.

import { pathToFileURL } from 'node:url';
import { version } from '../base/version.ts';
import type { AuditReport } from './audit.ts';
import type { AuditSeverity, Finding } from './model.ts';
import { rules } from './rules/index.ts';

const levels: Readonly<Record<AuditSeverity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
};

/** As GitHub grades findings. */
const securitySeverity: Readonly<Record<AuditSeverity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '3.0',
  info: '0.0',
};

/** The report as SARIF text. */
export function sarifReport(report: AuditReport): string {
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'sallyport', version, rules: rules.map(ruleRecord) } },
        columnKind: 'utf16CodeUnits',
        results: report.findings.map(resultRecord),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleRecord(rule: (typeof rules)[number]) {
  return {
    id: rule.id,
    shortDescription: { text: rule.title },
    fullDescription: { text: `${rule.what} ${rule.why}` },
    help: { text: `${rule.mend} (${rule.references.join(', ')})` },
    defaultConfiguration: { level: levels[rule.severity] },
    properties: { 'security-severity': securitySeverity[rule.severity], tags: ['security'] },
  };
}

function resultRecord(finding: Finding) {
  const { node, fix, suppressed } = finding;
  const text = fix === undefined ? finding.message : `${finding.message}\n\nWrite:\n${fix}`;
  return {
    ruleId: finding.rule,
    ruleIndex: rules.findIndex(({ id }) => id === finding.rule),
    level: levels[finding.severity],
    message: { text },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: pathToFileURL(node.at.file).href },
          region: { startLine: node.at.line, startColumn: node.at.column },
        },
      },
    ],
    ...(suppressed === null
      ? {}
      : { suppressions: [{ kind: 'inSource', justification: suppressed }] }),
  };
}
