// `-T`: the configuration with all its files, as nginx prints it. With `--redact` without secrets.

import { redact, type LoadedConfiguration } from '../serving.ts';
import type { Flags } from './arguments.ts';
import { printResult } from './terminal.ts';

export function dump(configuration: LoadedConfiguration, flags: Pick<Flags, 'redact'>): void {
  for (const { path, text } of configuration.files) {
    const shown = flags.redact ? redact(text) : text;
    printResult(`# configuration file ${path}:\n${shown}\n`);
  }
}
