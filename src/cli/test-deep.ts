// `-t --deep`: what a start would not notice, and how much of a foreign configuration applies.

import {
  deepCheck,
  type ConfigurationOptions,
  type Coverage,
  type CoverageNote,
  type DeepFinding,
  type DeepReport,
  type Position,
} from '../index.ts';
import type { Flags } from './arguments.ts';
import { dump } from './dump.ts';
import { printDiagnostics, printLine, printVerdict } from './terminal.ts';

const levels = { error: 'emerg', warning: 'warn', note: 'notice' } as const;

/** @returns the exit code: 1 where there are errors */
export async function testDeeply(options: ConfigurationOptions, flags: Flags): Promise<number> {
  const report = await deepCheck(options, { offline: flags.offline });
  const { configuration, findings, ok } = report;
  printDiagnostics(configuration);
  const shown = flags.quiet ? findings.filter(({ severity }) => severity !== 'note') : findings;
  for (const finding of shown) printLine(findingText(finding));
  if (!flags.quiet) {
    for (const line of coverageLines(report.coverage)) printLine(line);
    printLine(countsText(report));
  }
  printVerdict(configuration.file, ok, flags.quiet);
  if (!ok) return 1;
  if (flags.dump) dump(configuration, flags);
  return 0;
}

function findingText({ severity, at, message }: DeepFinding): string {
  return `sallyport: [${levels[severity]}] ${message}${at === null ? '' : ` in ${placeText(at)}`}`;
}

function placeText({ file, line }: Position): string {
  return `${file}:${line}`;
}

function coverageLines({ total, applied, withoutEffect, unsupported }: Coverage): string[] {
  return [
    `sallyport: ${applied} of ${total} directives apply; ${withoutEffect.length} are without effect, ` +
      `${unsupported.length} are not supported`,
    ...withoutEffect.map((note) => `  without effect: ${noteText(note)}`),
    ...unsupported.map((note) => `  not supported: ${noteText(note)}`),
  ];
}

function noteText({ node, why }: CoverageNote): string {
  return `"${node.name}" in ${placeText(node.at)}: ${why}`;
}

function countsText({ counts, findings }: DeepReport): string {
  const of = (severity: DeepFinding['severity']): number =>
    findings.filter((one) => one.severity === severity).length;
  return (
    `sallyport: looked at ${counts.certificate} certificate files, ${counts.key} keys, ` +
    `${counts.trust} CA files, ${counts.crl} CRL files, ${counts.names} names and ${counts.ports} ports: ` +
    `${of('error')} errors, ${of('warning')} warnings`
  );
}
