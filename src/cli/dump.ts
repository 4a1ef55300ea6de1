// `-T`: the configuration with all its files, as nginx prints it.

import type { LoadedConfiguration } from '../index.ts';
import { printResult } from './terminal.ts';

export function dump(configuration: LoadedConfiguration): void {
  for (const { path, text } of configuration.files) {
    printResult(`# configuration file ${path}:\n${text}\n`);
  }
}
