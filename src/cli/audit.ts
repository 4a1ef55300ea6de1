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
  type AuditOptions,
  type AuditReport,
  type ReportFormat,
} from '../index.ts';
import { applyFixes, diffOf } from './audit-fix.ts';
import { withProbe } from './audit-probe.ts';
import { printingFailure, printResult } from './terminal.ts';

const usage = `Usage: sallyport audit [options] [FILE|FOLDER|-]

Reads nginx.conf, a part of one, a folder, or the output of "nginx -T" ("-": standard input; default
/etc/nginx), and says which hops to other servers nobody checks, and what to write instead.

  --as nginx|sallyport  : whose defaults hold (default: guessed, nginx where there is no sign)
  --nginx-version V     : the version that runs it, for holes of that version (default: what the text
                          says, as "nginx -V" does)
  --format FORMAT       : ${'text, json'} (default text)
  --output FILE         : write the report there
  --fail-on SEVERITY    : exit with 1 on findings so bad or worse: critical, high (default), medium,
                          low, info, none
  --baseline FILE       : findings that are known already
  --write-baseline FILE : write one, from the findings of now
  --fix                 : write what mends findings into the files, where no human has to decide;
                          comments and layout stay, and the report is about what is then
  --diff                : show what --fix would write, as a unified diff, in place of the report
  --probe               : connect to every server of every TLS hop (a handshake, never a request), say
                          whether it verifies, and if not, with what it would
  --probe-timeout S     : seconds for each handshake (default 5)
  --save-ca DIR         : probe, and write the issuers that servers present, for you to check
  --no-color            : no colours

Exit codes: 0 all is well, 1 findings, 2 nothing could be audited.
`;

/** Runs the audit. @returns the exit code */
export function runAudit(args: readonly string[]): Promise<number> {
  return printingFailure(2, () => run(args));
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help) {
    printResult(usage.replace('text, json', Object.keys(reportFormats).join(', ')));
    return 0;
  }
  const format = choose('--format', values.format, Object.keys(reportFormats) as ReportFormat[]);
  const threshold = choose('--fail-on', values['fail-on'], [...auditSeverities, 'none'] as const);
  let report = makeReport(positionals[0] ?? '/etc/nginx', values);
  if (values.diff) {
    printResult(diffOf(report, auditOptions(values)));
    return threshold !== 'none' && failsOn(report, threshold) ? 1 : 0;
  }
  if (values.fix) report = applyFixes(report, auditOptions(values));
  report = await withProbe(report, {
    probe: values.probe,
    timeout: values['probe-timeout'],
    saveCa: values['save-ca'],
  });
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
      'nginx-version': text,
      format: { type: 'string', default: 'text' },
      output: text,
      'fail-on': { type: 'string', default: 'high' },
      baseline: text,
      'write-baseline': text,
      fix: { type: 'boolean', default: false },
      diff: { type: 'boolean', default: false },
      probe: { type: 'boolean', default: false },
      'probe-timeout': { type: 'string', default: '5' },
      'save-ca': text,
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
  return audit(source, auditOptions(values));
}

function auditOptions(values: ReturnType<typeof parse>['values']): AuditOptions {
  const { as, baseline, 'nginx-version': nginxVersion } = values;
  return {
    ...(nginxVersion === undefined ? {} : { nginxVersion }),
    ...(as === undefined ? {} : { dialect: choose('--as', as, ['nginx', 'sallyport'] as const) }),
    ...(baseline === undefined
      ? {}
      : { baseline: readBaseline(readFileSync(baseline, 'utf8'), baseline) }),
  };
}

function choose<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new SallyportError('CONFIG_INVALID', `${option} is one of ${allowed.join(', ')}`);
}
