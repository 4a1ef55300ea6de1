// `-t` and `-T`: check the configuration and say so in nginx's words. `--deep` looks at more.

import { loadConfig, type ConfigurationOptions } from '../index.ts';
import type { Flags } from './arguments.ts';
import { dump } from './dump.ts';
import { testDeeply } from './test-deep.ts';
import { printDiagnostics, printLine } from './terminal.ts';

/** @returns the exit code */
export async function testConfiguration(
  options: ConfigurationOptions,
  flags: Flags,
): Promise<number> {
  if (flags.deep) return await testDeeply(options, flags);
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
  if (flags.dump) dump(configuration, flags);
  return 0;
}
