// `sallyport selftest`: proves that the upstream policies of a configuration refuse impostors.

import { parseArgs } from 'node:util';
import {
  impostorKinds,
  selfTest,
  type ImpostorKind,
  type ImpostorOutcome,
  type SelfTestRow,
} from '../index.ts';
import { printDiagnostics, printingFailure, printResult, printVerdict } from './terminal.ts';

const usage = `Usage: sallyport selftest [-c FILE] [-p PREFIX] [--allow-unverified]

Starts impostors on loopback for each server that the TLS hops of a configuration lead to (a certificate
of another CA, for another name, expired, self-signed) and proves that the very policies of the
configuration refuse each of them. Nothing leaves this machine, and no name is looked up.

  -c FILE            : the configuration, as for the proxy itself
  -p PREFIX          : the folder of relative paths
  --allow-unverified : hops that are not verified, as configured, are no reason to fail
  --format FORMAT    : text (default) or json

Exit codes: 0 all are refused, 1 one got through or a hop is not verified, 2 nothing could be tested.
`;

/** Runs the test. @returns the exit code */
export function runSelfTest(args: readonly string[]): Promise<number> {
  return printingFailure(2, () => run(args));
}

async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', short: 'c' },
      prefix: { type: 'string', short: 'p' },
      'allow-unverified': { type: 'boolean', default: false },
      format: { type: 'string', default: 'text' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    printResult(usage);
    return 0;
  }
  const { configuration, rows } = await selfTest({
    ...(values.config === undefined ? {} : { file: values.config }),
    ...(values.prefix === undefined ? {} : { prefix: values.prefix }),
  });
  if (!configuration.ok) {
    printDiagnostics(configuration);
    printVerdict(configuration.file, false, false);
    return 2;
  }
  printResult(values.format === 'json' ? `${JSON.stringify({ rows }, null, 2)}\n` : text(rows));
  const failed = rows.some(({ verdict }) => verdict === 'failed');
  const unverified = rows.some(({ verdict }) => verdict === 'unverified');
  return failed || (unverified && !values['allow-unverified']) ? 1 : 0;
}

function text(rows: readonly SelfTestRow[]): string {
  if (rows.length === 0) return 'No TLS hops: there is nothing to prove.\n';
  const head = ['hop', 'server', 'name', ...impostorKinds, 'genuine', 'verdict'];
  const table = [head, ...rows.map(cells)];
  const widths = head.map((_, i) => Math.max(...table.map((row) => (row[i] ?? '').length)));
  const lines = table.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${[...lines, '', summary(rows)].join('\n')}\n`;
}

function cells(row: SelfTestRow): string[] {
  return [
    `${row.from} ${row.to}`,
    row.server ?? '(from the request)',
    row.name,
    ...impostorKinds.map((kind) => cell(row.outcomes, kind)),
    row.genuine === null
      ? '–'
      : row.genuine
        ? 'accepted'
        : `refused (${short(row.genuineCode ?? '')})`,
    verdictWords(row),
  ];
}

// The twin that trusts the impostors' CA tells what else would have been in their way.
function cell(outcomes: readonly ImpostorOutcome[], kind: ImpostorKind): string {
  const found = outcomes.find(({ impostor }) => impostor === kind);
  if (found === undefined) return '–';
  const why = found.twinCode ?? found.code;
  if (found.outcome === 'let through') return 'LET THROUGH';
  const word = found.outcome === 'reported' ? 'LET THROUGH, reported' : 'refused';
  return why === null ? word : `${word} (${short(why)})`;
}

function short(code: string): string {
  return code.replace(/^UPSTREAM_(TLS_)?/, '');
}

function verdictWords({ verdict, mode }: SelfTestRow): string {
  if (verdict === 'proved') return 'proved';
  if (verdict === 'failed') return 'FAILED';
  return `not verified, as configured (proxy_ssl_verify ${mode})`;
}

function summary(rows: readonly SelfTestRow[]): string {
  const count = (verdict: SelfTestRow['verdict']): number =>
    rows.filter((row) => row.verdict === verdict).length;
  const unsure = rows.filter(({ genuine }) => genuine === false).length;
  const lines = [
    `${rows.length} servers of TLS hops: ${count('proved')} proved, ${count('failed')} failed, ` +
      `${count('unverified')} not verified as configured`,
    ...(unsure === 0
      ? []
      : [
          `${unsure} refuse our genuine certificate as well, for what its ciphers or versions are: ` +
            'there the refusals prove less',
        ]),
  ];
  return lines.join('\n');
}
