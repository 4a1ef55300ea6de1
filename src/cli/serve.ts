// The proxy itself, in the foreground or as a daemon.

import {
  createProxy,
  loadConfig,
  SallyportError,
  type ConfigurationOptions,
  type LoadedConfiguration,
} from '../index.ts';
import type { Flags } from './arguments.ts';
import { daemonReport, foregroundReport, startDaemon, type StartReport } from './daemon.ts';
import { followSignals, ignoreSignalsOfRunningProxy } from './process-signals.ts';
import { printDiagnostics } from './terminal.ts';

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
  const configuration = await loadConfig(options);
  const report = flags.daemonChild ? daemonReport() : foregroundReport;
  if (!configuration.ok) {
    if (flags.daemonChild) report.failed('the configuration has changed meanwhile and has errors');
    else printDiagnostics(configuration);
    return 1;
  }
  const { errorLog, daemon } = configuration.process;
  const stderrFile = errorLog.find(({ path }) => path !== 'stderr')?.path ?? null;
  const logsToStderr = errorLog.some(({ path }) => path === 'stderr');
  if (!flags.daemonChild && !logsToStderr) printDiagnostics(configuration);
  if (daemon && !flags.foreground && !flags.daemonChild) {
    const script = process.argv[1] ?? '';
    return await startDaemon({
      args: [...process.execArgv, script, ...args, '--daemon-child'],
      stderrFile: logsToStderr ? null : stderrFile,
    });
  }
  return await run(configuration, report);
}

async function run(configuration: LoadedConfiguration, report: StartReport): Promise<number> {
  const proxy = createProxy(configuration, { ownsProcess: true });
  const ended = new Promise<void>((resolve) => proxy.once('ended', resolve));
  process.once('exit', () => proxy.leave());
  const signals = followSignals(proxy, () => process.exit(0));
  try {
    await proxy.start();
  } catch (error) {
    if (signals.stoppingSince !== null) return 0;
    report.failed(error instanceof SallyportError ? error.message : String(error));
    return 1;
  }
  report.ready();
  await ended;
  return 0;
}
