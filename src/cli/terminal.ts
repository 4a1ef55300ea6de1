// What the command line prints, and where. Written synchronously, so that nothing is lost when the
// process ends right after it.

import { writeSync } from 'node:fs';
import { formatDiagnostic, redact, type LoadedConfiguration, type LogLevel } from '../index.ts';

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

// Lines of the configuration are shown, and a terminal may be the log of a pipeline.
/** All errors and warnings about a configuration, without secrets. */
export function printDiagnostics(configuration: LoadedConfiguration): void {
  for (const diagnostic of configuration.diagnostics)
    printLine(redact(formatDiagnostic(diagnostic)));
}
