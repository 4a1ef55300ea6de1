// `sallyport audit`: what a configuration really verifies.

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  audit,
  auditSeverities,
  failsOn,
  makeBaseline,
  readBaseline,
  readPathSource,
  readTextSource,
  reportFormats,
  SallyportError,
  type AuditReport,
  type ReportFormat,
} from '../index.ts';
import { printLine, printResult } from './terminal.ts';

const usage = `Usage: sallyport audit [options] [FILE|FOLDER|-]

Reads nginx.conf, a part of one, a folder, or the output of "nginx -T" ("-": standard input; default
/etc/nginx), and says which hops to other servers nobody checks, and what to write instead.

  --as nginx|sallyport  : whose defaults hold (default: guessed, nginx where there is no sign)
  --format FORMAT       : ${'text, json'} (default text)
  --output FILE         : write the report there
  --fail-on SEVERITY    : exit with 1 on findings so bad or worse: critical, high (default), medium,
                          low, info, none
  --baseline FILE       : findings that are known already
  --write-baseline FILE : write one, from the findings of now
  --no-color            : no colours

Exit codes: 0 all is well, 1 findings, 2 nothing could be audited.
`;

/** Runs the audit. @returns the exit code */
export function runAudit(args: readonly string[]): Promise<number> {
  try {
    return Promise.resolve(run(args));
  } catch (error) {
    printLine(`sallyport: ${error instanceof Error ? error.message : String(error)}`);
    return Promise.resolve(2);
  }
}

function run(args: readonly string[]): number {
  const { values, positionals } = parse(args);
  if (values.help) {
    printResult(usage.replace('text, json', Object.keys(reportFormats).join(', ')));
    return 0;
  }
  const format = choose('--format', values.format, Object.keys(reportFormats) as ReportFormat[]);
  const threshold = choose('--fail-on', values['fail-on'], [...auditSeverities, 'none'] as const);
  const report = makeReport(positionals[0] ?? '/etc/nginx', values);
  const colour = values.color && values.output === undefined && process.stdout.isTTY;
  const width = process.stdout.isTTY ? process.stdout.columns : 160;
  const text = reportFormats[format](report, { colour, width });
  if (values.output === undefined) printResult(text);
  else writeFileSync(values.output, text);
  if (values['write-baseline'] !== undefined) {
    const baseline = makeBaseline(report.findings);
    writeFileSync(values['write-baseline'], `${JSON.stringify(baseline, null, 2)}\n`);
  }
  return threshold !== 'none' && failsOn(report, threshold) ? 1 : 0;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      as: text,
      format: { type: 'string', default: 'text' },
      output: text,
      'fail-on': { type: 'string', default: 'high' },
      baseline: text,
      'write-baseline': text,
      color: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
    },
  });
}

function makeReport(target: string, values: ReturnType<typeof parse>['values']): AuditReport {
  const source =
    target === '-'
      ? readTextSource(readFileSync(0, 'utf8'), 'standard input')
      : readPathSource(target);
  const { baseline } = values;
  return audit(source, {
    ...(values.as === undefined
      ? {}
      : { dialect: choose('--as', values.as, ['nginx', 'sallyport'] as const) }),
    ...(baseline === undefined
      ? {}
      : { baseline: readBaseline(readFileSync(baseline, 'utf8'), baseline) }),
  });
}

function choose<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new SallyportError('CONFIG_INVALID', `${option} is one of ${allowed.join(', ')}`);
}
