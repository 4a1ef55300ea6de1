// The proxy itself, in the foreground or as a daemon.

import {
  createProxy,
  loadConfig,
  SallyportError,
  type ConfigurationOptions,
  type LoadedConfiguration,
  type ProgramCommand,
  type Proxy,
} from '../serving.ts';
import { takesOver } from '../runtime/inherited-sockets.ts';
import type { Flags } from './arguments.ts';
import { daemonReport, foregroundReport, startDaemon, type StartReport } from './daemon.ts';
import { followSignals, ignoreSignalsOfRunningProxy } from './process-signals.ts';
import { diagnosticText, printDiagnostics } from './terminal.ts';

const daemonChild = '--daemon-child';

/**
 * Serves until it is told to end, or leaves a daemon behind that does.
 *
 * @param args - the command line, to be repeated for the daemon
 * @returns the exit code
 */
export async function serve(
  options: ConfigurationOptions,
  flags: Flags,
  args: readonly string[],
): Promise<number> {
  ignoreSignalsOfRunningProxy();
  // Before anything is read that `working_directory` may change.
  const cwd = process.cwd();
  const successor = takesOver(process.env) && !flags.daemonChild;
  const configuration = await loadConfig(options);
  const report = flags.daemonChild || successor ? daemonReport() : foregroundReport;
  if (!configuration.ok) {
    if (successor) report.failed(errorsOf(configuration));
    else if (flags.daemonChild) {
      report.failed('the configuration has changed meanwhile and has errors');
    } else printDiagnostics(configuration);
    return 1;
  }
  const { errorLog, daemon } = configuration.process;
  const stderrFile = errorLog.find(({ path }) => path !== 'stderr')?.path ?? null;
  const logsToStderr = errorLog.some(({ path }) => path === 'stderr');
  if (report === foregroundReport && !logsToStderr) printDiagnostics(configuration);
  const asGiven = args.filter((arg) => arg !== daemonChild);
  const command = [...process.execArgv, process.argv[1] ?? '', ...asGiven];
  if (daemon && !flags.foreground && report === foregroundReport) {
    return await startDaemon({
      args: [...command, daemonChild],
      stderrFile: logsToStderr ? null : stderrFile,
    });
  }
  const program = { file: process.execPath, args: command, cwd };
  return await run(configuration, report, program);
}

function errorsOf({ diagnostics }: LoadedConfiguration): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return errors.map(diagnosticText).join('\n');
}

// A worker that hangs in a call of the system cannot be ended, and `process.exit` would wait for it.
// A second stop does not ask.
function killSelf(proxy: Proxy): void {
  proxy.leave();
  process.kill(process.pid, 'SIGKILL');
}

async function run(
  configuration: LoadedConfiguration,
  report: StartReport,
  program: ProgramCommand,
): Promise<number> {
  const proxy = createProxy(configuration, { ownsProcess: true });
  const ended = new Promise<void>((resolve) => proxy.once('ended', resolve));
  process.once('exit', () => proxy.leave());
  // What has somebody to report to was put into a session of its own.
  const background = report !== foregroundReport;
  const signals = followSignals(proxy, { exit: () => killSelf(proxy), program, background });
  try {
    await proxy.start();
  } catch (error) {
    if (signals.stoppingSince !== null) return 0;
    report.failed(error instanceof SallyportError ? error.message : String(error));
    return 1;
  }
  report.ready();
  await ended;
  if (proxy.stuckWorkers > 0) killSelf(proxy);
  return 0;
}
