// `sallyport audit --fix` and `--diff`: what mends findings, written or only shown.

import {
  audit,
  fixFindings,
  SallyportError,
  unifiedDiff,
  writeFixedFiles,
  type AuditOptions,
  type AuditReport,
  type Fixes,
} from '../index.ts';
import { printLine } from './terminal.ts';

/** What `--fix` would change, as a unified diff. */
export function diffOf(report: AuditReport, options: AuditOptions): string {
  const fixes = fixesOf(report, '--diff', options);
  sayWhatIsLeft(fixes);
  return unifiedDiff(fixes.files);
}

/** Writes what mends findings. @returns the audit of what is there now */
export function applyFixes(report: AuditReport, options: AuditOptions): AuditReport {
  const fixes = fixesOf(report, '--fix', options);
  writeFixedFiles(fixes.files);
  for (const { path } of fixes.files) printLine(`sallyport: ${path} mended`);
  const count = fixes.fixed.length;
  printLine(`sallyport: ${count === 0 ? 'nothing' : `${count} findings`} mended`);
  sayWhatIsLeft(fixes);
  return fixes.report;
}

function fixesOf(report: AuditReport, flag: string, options: AuditOptions): Fixes {
  const fixes = fixFindings(report, (source) =>
    audit(source, { ...options, dialect: report.dialect }),
  );
  if (fixes !== null) return fixes;
  throw new SallyportError(
    'CONFIG_INVALID',
    `${flag} needs the files themselves: standard input and what "nginx -T" printed are none`,
  );
}

function sayWhatIsLeft({ left }: Fixes): void {
  for (const { finding, why } of left) {
    const { file, line } = finding.node.at;
    printLine(`sallyport: ${finding.rule} at ${file}:${line} is left to you: ${why}`);
  }
}
