// `-t` and `-T`: check the configuration and say so in nginx's words.

import { loadConfig, type ConfigurationOptions, type LoadedConfiguration } from '../index.ts';
import type { Flags } from './arguments.ts';
import { printDiagnostics, printLine, printResult } from './terminal.ts';

/** @returns the exit code */
export async function testConfiguration(
  options: ConfigurationOptions,
  flags: Flags,
): Promise<number> {
  const configuration = await loadConfig(options);
  const { file } = configuration;
  printDiagnostics(configuration);
  if (!configuration.ok) {
    printLine(`sallyport: configuration file ${file} test failed`);
    return 1;
  }
  if (!flags.quiet) {
    printLine(`sallyport: the configuration file ${file} syntax is ok`);
    printLine(`sallyport: configuration file ${file} test is successful`);
  }
  if (flags.dump) dump(configuration);
  return 0;
}

function dump(configuration: LoadedConfiguration): void {
  for (const { path, text } of configuration.files) {
    printResult(`# configuration file ${path}:\n${text}\n`);
  }
}
