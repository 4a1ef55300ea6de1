// `sallyport demo`: two upstream servers and an impostor, a proxy before them, and proof that the
// impostor is refused. Needs neither network nor root, and leaves nothing behind.

import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProxy, type Proxy } from '../index.ts';
import { startBackends } from './demo/backends.ts';
import { makeCertificates } from './demo/certificates.ts';
import { configurationText } from './demo/configuration.ts';
import { invitation, paintFor, explanations, table, title } from './demo/report.ts';
import { checkAll } from './demo/self-check.ts';
import { printLine, printResult } from './terminal.ts';

const usage = `Usage: sallyport demo [--check]

  --check : send the requests of the demo, say how they went and end: 0 where all is well
`;

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the demo.
 *
 * @param args - none: it stays up until SIGINT or SIGTERM; `--check`: it ends after its own check
 * @returns the exit code: 1 where something is not as it has to be
 */
export async function runDemo(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    printResult(usage);
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) {
    printLine(`sallyport: invalid option: "${unknown}"`);
    return 1;
  }
  // A Ctrl-C reaches the process from the terminal and again from a parent that passes it on, so
  // the handlers stay: a second one must not keep the first one's from cleaning up.
  const stop = Promise.withResolvers<null>();
  for (const signal of stopSignals) process.on(signal, () => stop.resolve(null));
  await using cleanup = new AsyncDisposableStack();
  try {
    const shown = await Promise.race([show(cleanup), stop.promise]);
    if (shown === null) return 0;
    if (!shown.ok || args.includes('--check')) return shown.ok ? 0 : 1;
    printResult(`${invitation(shown.port, shown.paint)}\n`);
    await stop.promise;
    return 0;
  } catch (error) {
    printLine(`sallyport: [emerg] ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

interface Shown {
  readonly ok: boolean;
  readonly port: number;
  readonly paint: ReturnType<typeof paintFor>;
}

// Starts everything and shows what comes of the requests. What was started ends with `cleanup`, the
// last first.
async function show(cleanup: AsyncDisposableStack): Promise<Shown> {
  const paint = paintFor(process.stdout, process.env['NO_COLOR']);
  const folder = makeFolder(cleanup);
  const backends = await startBackends(await makeCertificates(folder));
  for (const backend of [...backends.group, backends.impostor]) {
    cleanup.defer(() => backend.close());
  }
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configurationText(backends));
  const proxy = createProxy({ file });
  cleanup.defer(() => proxy.close());
  await proxy.start();
  const port = portOf(proxy);
  printResult(`${title(folder, paint)}\n`);
  const errorLogFile = join(folder, 'error.log');
  const outcomes = await checkAll({ port, errorLogFile });
  printResult(`${table(outcomes, paint)}\n\n${explanations(outcomes, paint)}\n`);
  const ok = outcomes.every(({ problem }) => problem === null);
  // The file is about to be removed.
  if (!ok) printResult(readFileSync(errorLogFile, 'utf8'));
  return { ok, port, paint };
}

function makeFolder(cleanup: AsyncDisposableStack): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sallyport-demo-')));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  cleanup.defer(remove);
  // For an end that waits for nothing.
  process.once('exit', remove);
  return folder;
}

function portOf(proxy: Proxy): number {
  const address = proxy.addresses()[0]?.address;
  if (address?.kind !== 'ip') throw new Error('the proxy does not listen');
  return address.port;
}
