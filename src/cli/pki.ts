// `sallyport pki`: a small private CA for the hops inside, with the directives to paste.

import { isIP } from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { PkiStore, SallyportError, type StoredCertificate } from '../index.ts';
import { printingFailure, printResult } from './terminal.ts';

const usage = `Usage: sallyport pki COMMAND [options]

  init                : makes a CA: ca.crt (to be trusted) and ca.key (secret)
  issue NAME          : issues a certificate with a new key, in issued/NAME.crt and issued/NAME.key
  list                : shows what was issued, and until when
  renew NAME | --all  : issues again, with the same names and a new key

  --dir DIR           : where the CA lies (default ./pki)
  --name TEXT         : init: the CA's name (default "Sallyport internal CA")
  --days N            : days of validity (default: 3650 for a CA, 90 else)
  --dns NAME          : issue: a host name; may be repeated (default for a server: NAME)
  --ip ADDRESS        : issue: an IP address; may be repeated
  --uri URI           : issue: a URI such as spiffe://example.org/app; may be repeated
  --client, --both    : issue: for a TLS client, or for both; default: for a server
  --within DAYS       : renew --all: only what ends within so many days (default 30)

Keys are ECDSA P-256, files of keys have mode 0600.
`;

/** Runs a command of the CA. @returns the exit code */
export function runPki(args: readonly string[]): Promise<number> {
  return printingFailure(1, () => runCommand(args));
}

async function runCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const [command, name] = positionals;
  if (values.help || command === undefined) {
    printResult(usage);
    return values.help ? 0 : 2;
  }
  const run = commands[command];
  if (run === undefined) {
    throw new SallyportError('CONFIG_INVALID', `unknown command "${command}"`);
  }
  await run({ ...values, target: name });
  return 0;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const texts = { type: 'string', multiple: true } as const;
  const flag = { type: 'boolean', default: false } as const;
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      dir: { type: 'string', default: 'pki' },
      name: { type: 'string', default: 'Sallyport internal CA' },
      days: text,
      dns: texts,
      ip: texts,
      uri: texts,
      client: flag,
      both: flag,
      all: flag,
      within: { type: 'string', default: '30' },
      help: flag,
    },
  });
}

type Options = ReturnType<typeof parse>['values'] & { readonly target: string | undefined };

const commands: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  async init(options) {
    const store = await PkiStore.create(options.dir, {
      name: options.name,
      days: days(options.days, 3650),
    });
    const file = path.resolve(store.certificateFile);
    printResult(
      `A CA is in "${path.resolve(options.dir)}". Keep ca.key to yourself. Towards its servers:\n\n` +
        `    proxy_ssl_trusted_certificate ${file};\n\n` +
        `Next: sallyport pki issue app.internal --dir ${options.dir}\n`,
    );
  },
  async issue(options) {
    const name = targetOf(options);
    const purpose = options.both ? 'both' : options.client ? 'client' : 'server';
    const store = await PkiStore.open(options.dir);
    const issued = await store.issue({
      name,
      dns: options.dns ?? (purpose === 'client' || isIP(name) !== 0 ? [] : [name]),
      ip: options.ip ?? [],
      uri: options.uri ?? [],
      purpose,
      days: days(options.days, 90),
    });
    printResult(directives(issued, store));
  },
  async list(options) {
    const store = await PkiStore.open(options.dir);
    const rows = store.list().map((one) => [one.name, one.purpose, endText(one), one.names]);
    printResult(table([['name', 'purpose', 'ends', 'names'], ...rows]));
  },
  async renew(options) {
    const store = await PkiStore.open(options.dir);
    const limit = Date.now() + days(options.within, 30) * 86_400_000;
    const names = options.all
      ? store
          .list()
          .filter(({ notAfter }) => notAfter.getTime() <= limit)
          .map(({ name }) => name)
      : [targetOf(options)];
    for (const name of names) {
      const renewed = await store.renew(name, days(options.days, 90));
      printResult(`${name}: ${endText(renewed)}\n`);
    }
    if (names.length === 0) printResult(`nothing ends within ${options.within} days\n`);
  },
};

function targetOf({ target }: Options): string {
  if (target === undefined)
    throw new SallyportError('CONFIG_INVALID', 'which certificate? Give its name');
  return target;
}

function days(text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new SallyportError('CONFIG_INVALID', `"${text}" is no number of days`);
}

function directives(issued: StoredCertificate, store: PkiStore): string {
  const certificate = path.resolve(issued.certificateFile);
  const key = path.resolve(issued.keyFile);
  const ca = path.resolve(store.certificateFile);
  const parts = [`${certificate}\n${key}\nends ${endText(issued)}; ${issued.names}\n`];
  if (issued.purpose !== 'client') {
    parts.push(
      `On the server:\n\n    ssl_certificate ${certificate};\n    ssl_certificate_key ${key};\n`,
      `Where requests go to it:\n\n    proxy_ssl_trusted_certificate ${ca};\n`,
    );
  }
  if (issued.purpose !== 'server') {
    parts.push(
      'To show it to an upstream server:\n\n' +
        `    proxy_ssl_certificate ${certificate};\n    proxy_ssl_certificate_key ${key};\n`,
      'On the server that asks for it:\n\n' +
        `    ssl_client_certificate ${ca};\n    ssl_verify_client on;\n`,
    );
  }
  return `${parts.join('\n')}`;
}

function endText({ notAfter }: StoredCertificate): string {
  const left = Math.floor((notAfter.getTime() - Date.now()) / 86_400_000);
  const words = left < 0 ? 'over' : left === 1 ? '1 day left' : `${left} days left`;
  return `${notAfter.toISOString().slice(0, 10)} (${words})`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.map((row) => (row[i] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
    .concat('\n');
}
