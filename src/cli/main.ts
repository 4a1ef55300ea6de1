// The command line: arguments → public API → exit code.

import { nearestName } from '../config/suggest.ts';
import type { ConfigurationOptions } from '../serving.ts';
import { parseArguments, type Flags } from './arguments.ts';
import { commands } from './commands.ts';
import { sendSignal } from './send-signal.ts';
import { serve } from './serve.ts';
import { printLine } from './terminal.ts';
import { testConfiguration } from './test-configuration.ts';
import { buildText, usageText, versionText } from './usage.ts';

/**
 * Runs one command line.
 *
 * @param args - what follows the name of the program
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first !== undefined && !first.startsWith('-')) return await runCommand(first, args.slice(1));
  const { flags, problem } = parseArguments(args);
  if (flags === null) {
    printLine(`sallyport: ${problem}`);
    return 1;
  }
  if (flags.help || flags.version || flags.buildInfo) {
    printLine(informationText(flags).trimEnd());
    // As with nginx, `-tv` also tests.
    if (!flags.test) return 0;
  }
  const options = configurationOptions(flags);
  if (flags.test) return await testConfiguration(options, flags);
  if (flags.signal !== null) return await sendSignal(options, flags.signal);
  return await serve(options, flags, args);
}

function informationText(flags: Flags): string {
  if (flags.help) return usageText();
  return flags.buildInfo ? buildText() : versionText();
}

function configurationOptions(flags: Flags): ConfigurationOptions {
  return {
    ...(flags.file === null ? {} : { file: flags.file }),
    ...(flags.prefix === null ? {} : { prefix: flags.prefix }),
    ...(flags.prelude === null ? {} : { prelude: flags.prelude }),
    ...(flags.errorLog === null ? {} : { errorLog: flags.errorLog }),
  };
}

async function runCommand(name: string, args: readonly string[]): Promise<number> {
  const command = commands.find((row) => row.name === name);
  if (command !== undefined) return await command.run(args);
  const names = commands.map((row) => row.name);
  const nearest = nearestName(name, names);
  const hint = nearest === null ? `commands: ${names.join(', ')}` : `did you mean "${nearest}"?`;
  printLine(`sallyport: unknown command "${name}"; ${hint}`);
  return 1;
}
