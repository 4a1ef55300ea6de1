// `-s`: the configuration names the pid file, the pid file the process.

import {
  loadConfig,
  SallyportError,
  signalByPidFile,
  type ConfigurationOptions,
} from '../serving.ts';
import { signalNames } from './arguments.ts';
import { printDiagnostics, printProblem } from './terminal.ts';

/**
 * @param name - one of `signalNames`
 * @returns the exit code
 */
export async function sendSignal(options: ConfigurationOptions, name: string): Promise<number> {
  const configuration = await loadConfig(options);
  if (!configuration.ok) {
    printDiagnostics(configuration);
    return 1;
  }
  const control = signalNames.find((known) => known === name);
  if (control === undefined) return 1;
  try {
    signalByPidFile(configuration.process.pid, control);
    return 0;
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    printProblem(error.level, error.message);
    return 1;
  }
}
