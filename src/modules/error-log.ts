// `error_log`: where the error log of a level goes, and from which severity on.

import { threadId } from 'node:worker_threads';
import type { LogLevel } from '../base/errors.ts';
import { describeSystemError } from '../base/system-error.ts';
import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { ErrorLog, type ErrorLogTarget } from '../log/error-log.ts';
import type { LogFile } from '../log/log-file.ts';
import { stderrSink } from '../log/stderr-sink.ts';
import type { BuildContext } from './build-context.ts';

const levels = ['debug', 'info', 'notice', 'warn', 'error', 'crit', 'alert', 'emerg'] as const;

/** One `error_log`; `path` "stderr" is the standard error. */
export interface ErrorLogLine {
  readonly path: string;
  readonly level: LogLevel;
}

const value: ValueType<ErrorLogLine> = {
  expects: 'a file or "stderr", and a level',
  parse(node, help) {
    const target = node.args[0]?.text ?? '';
    const given = node.args[1]?.text ?? 'error';
    const level = levels.find((one) => one === given);
    if (level === undefined) {
      help.error(node.args[1]?.at ?? node.at, `invalid log level "${given}"`, levels.join(', '));
      return null;
    }
    for (const unsupported of ['syslog:', 'memory:']) {
      if (target.startsWith(unsupported)) {
        help.error(node.args[0]?.at ?? node.at, `"${unsupported}" in "error_log" is not supported`);
        return null;
      }
    }
    return { path: target === 'stderr' ? target : help.resolvePath(target, 'prefix'), level };
  },
};

export const errorLog = listDirective<ErrorLogLine>({
  name: 'error_log',
  contexts: ['main', 'http', 'server', 'location'],
  args: { min: 1, max: 2 },
  value,
  defaultText: 'stderr error',
  help: 'File (or "stderr") for errors and the least severe level that is written to it.',
  differs: 'by default the standard error (or the file of -e), which needs no folder to exist',
});

/**
 * The targets in effect.
 *
 * @param override - the file of `-e`, for where nothing is configured; null: the standard error
 */
export function errorLogTargets(scope: Scope, override: string | null): readonly ErrorLogLine[] {
  const lines = scope.get(errorLog);
  return lines.length > 0 ? lines : [{ path: override ?? 'stderr', level: 'error' }];
}

/** Error logs of one build: levels that inherit the same lines share one object. */
export class ErrorLogs {
  readonly #context: BuildContext;
  readonly #override: string | null;
  readonly #pid: number;
  readonly #made = new Map<readonly ErrorLogLine[], ErrorLog>();
  #default: readonly ErrorLogLine[] | null = null;

  /** @param override - the file of `-e`, which stands in where no `error_log` is configured */
  constructor(context: BuildContext, options: { override: string | null; pid: number }) {
    this.#context = context;
    this.#override = options.override;
    this.#pid = options.pid;
  }

  of(scope: Scope): ErrorLog {
    let lines = scope.get(errorLog);
    if (lines.length === 0) {
      this.#default ??= errorLogTargets(scope, this.#override);
      lines = this.#default;
    }
    let log = this.#made.get(lines);
    if (log === undefined) {
      log = new ErrorLog(this.#open(lines, scope), { pid: this.#pid, tid: threadId });
      this.#made.set(lines, log);
    }
    return log;
  }

  #open(lines: readonly ErrorLogLine[], scope: Scope): ErrorLogTarget[] {
    return lines.map(({ path: file, level }) => ({ level, sink: this.#sink(file, scope) }));
  }

  #sink(file: string, scope: Scope): ErrorLogTarget['sink'] {
    if (file === 'stderr') return stderrSink;
    return openLog(file, this.#context, scope.at(errorLog)) ?? stderrSink;
  }
}

/** Opens a log file for the life of the snapshot; null after a reported error. */
export function openLog(
  file: string,
  context: BuildContext,
  at: Parameters<BuildContext['error']>[0],
): LogFile | null {
  try {
    const opened = context.logFiles.acquire(file);
    context.disposers.push(() => context.logFiles.release(opened));
    return opened;
  } catch (thrown) {
    context.error(
      at,
      `open() "${file}" failed (${describeSystemError(thrown)})`,
      'the folder must exist and be writable',
    );
    return null;
  }
}
