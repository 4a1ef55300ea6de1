// What the command line prints, and where. Written synchronously, so that nothing is lost when the
// process ends right after it.

import { writeSync } from 'node:fs';
import {
  formatDiagnostic,
  redact,
  type Diagnostic,
  type LoadedConfiguration,
  type LogLevel,
} from '../serving.ts';

function write(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      // A pipe whose reader is slow says EAGAIN; one without a reader takes nothing.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}

/** For results: stdout. */
export function printResult(text: string): void {
  write(1, text);
}

/** For everything else: stderr, one line. */
export function printLine(line: string): void {
  write(2, `${line}\n`);
}

/** `sallyport: [LEVEL] MESSAGE`, once for each line of the message. */
export function printProblem(level: LogLevel, message: string): void {
  for (const line of message.split('\n')) printLine(`sallyport: [${level}] ${line}`);
}

/**
 * Runs a command; what it throws is printed.
 *
 * @param failed - the exit code then
 */
export async function printingFailure(failed: number, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    printLine(`sallyport: ${error instanceof Error ? error.message : String(error)}`);
    return failed;
  }
}

/** What is wrong and where, without secrets: lines of the configuration are shown. */
export function diagnosticText(diagnostic: Diagnostic): string {
  return redact(formatDiagnostic(diagnostic));
}

/** All of these errors and warnings. A terminal may be the log of a pipeline. */
export function printDiagnostics({ diagnostics }: Pick<LoadedConfiguration, 'diagnostics'>): void {
  for (const diagnostic of diagnostics) printLine(diagnosticText(diagnostic));
}

/** The outcome of a test, in nginx's words. @param quiet - failures only */
export function printVerdict(file: string, ok: boolean, quiet: boolean): void {
  if (!ok) printLine(`sallyport: configuration file ${file} test failed`);
  if (!ok || quiet) return;
  printLine(`sallyport: the configuration file ${file} syntax is ok`);
  printLine(`sallyport: configuration file ${file} test is successful`);
}
