// `-t` and `-T`: check the configuration and say so in nginx's words. `--deep` looks at more.

import { loadConfig, type ConfigurationOptions } from '../serving.ts';
import type { Flags } from './arguments.ts';
import { dump } from './dump.ts';
import { printDiagnostics, printVerdict } from './terminal.ts';

/** @returns the exit code */
export async function testConfiguration(
  options: ConfigurationOptions,
  flags: Flags,
): Promise<number> {
  if (flags.deep) return await (await import('./test-deep.ts')).testDeeply(options, flags);
  const configuration = await loadConfig(options);
  const { file, ok } = configuration;
  printDiagnostics(configuration);
  printVerdict(file, ok, flags.quiet);
  if (!ok) return 1;
  if (flags.dump) dump(configuration, flags);
  return 0;
}
